import { CutpointProvider } from '@cutpoint/react';
import { type ReactElement, useState } from 'react';
import { Reader } from './reader.js';

/** Everything below the provider uses this edge; a model is open while a component that uses it is mounted. */
export function App({ edge, models }: { edge: string; models: readonly string[] }): ReactElement {
  const [model, setModel] = useState(models[0] ?? '');
  const [isOn, setOn] = useState(true);
  return (
    <CutpointProvider url={edge}>
      <h1>Cutpoint in React</h1>
      <label>
        Model{' '}
        <select value={model} onChange={({ target }) => setModel(target.value)}>
          {models.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        <input type="checkbox" checked={isOn} onChange={({ target }) => setOn(target.checked)} /> On
      </label>
      {isOn && <Reader key={model} model={model} />}
    </CutpointProvider>
  );
}
