import { expect, test } from 'vitest';
import { brokenLinks } from './lib/docs/links.mjs';
import { anchorsOf, documents } from './lib/docs/markdown.mjs';

test('every relative link of the docs leads somewhere, to a heading too where it names one', () => {
  const files = documents();
  expect(files).toContain('README.md');
  expect(files.flatMap((file) => brokenLinks(file))).toEqual([]);
});

test('headings are named as GitHub names them', () => {
  const text = '# Who gets in\n## `decide`: the time, of one\n## Who gets in\n<a id="by-hand"></a>';
  expect([...anchorsOf(text)]).toEqual(['by-hand', 'who-gets-in', 'decide-the-time-of-one', 'who-gets-in-1']);
});

test.each([
  ['[a](nowhere.md)', 'leads nowhere'],
  ['![a](pictures/nowhere.svg)', 'leads nowhere'],
  ['[a](#nowhere)', 'no #nowhere'],
  ['[a](protocol.md#nowhere)', 'no #nowhere'],
])('%s is seen', (text, said) => {
  expect(brokenLinks('docs/x.md', text)).toEqual([expect.stringContaining(said)]);
});
