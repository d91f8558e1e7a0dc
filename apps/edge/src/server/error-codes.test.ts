import { readFileSync } from 'node:fs';
import { CONNECTION_ERROR_CODES, HTTP_ERROR_CODES, REQUEST_ERROR_CODES } from '@cutpoint/protocol';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8');

it.each([
  ['HTTP', HTTP_ERROR_CODES, '### Errors over HTTP', '### Manifest'],
  ['requests', REQUEST_ERROR_CODES, 'An `error` with an `id`', 'An `error` whose `id` is `null`'],
  ['connections', CONNECTION_ERROR_CODES, 'An `error` whose `id` is `null`', '### Limits'],
])('docs/protocol.md explains every error code of %s', (_, codes, from, to) => {
  const section = page.slice(page.indexOf(from), page.indexOf(to));
  expect(section).not.toBe('');
  expect(codes.filter((code) => !section.includes(`\`${code}\``))).toEqual([]);
});
