import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';
import { CutpointProvider, useCutpoint, useTrace } from './index.js';

function Status() {
  const { status, session } = useCutpoint('a');
  return createElement('p', null, `${status} ${useTrace(session)?.totalMs}`);
}

it('renders on a server as long as nothing is known, and connects to nothing', () => {
  const page = createElement(CutpointProvider, { url: 'https://edge.example' }, createElement(Status));
  expect(renderToString(page)).toBe('<p>connecting undefined</p>');
});

it('says what is missing where there is no provider', () => {
  expect(() => renderToString(createElement(Status))).toThrow('needs a <CutpointProvider>');
});
