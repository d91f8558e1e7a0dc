import { el } from '../dom.js';

export type Option = [value: string, words: string];

/** A list to choose one of; `onPick` hears its value. */
export function select(
  testId: string,
  options: readonly Option[],
  value: string,
  onPick: (value: string) => void,
): HTMLSelectElement {
  const element = el(
    'select',
    { 'data-testid': testId },
    ...options.map(([name, words]) => el('option', { value: name, selected: name === value }, words)),
  );
  element.addEventListener('change', () => onPick(element.value));
  return element;
}
