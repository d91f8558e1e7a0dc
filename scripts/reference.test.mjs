import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeReference } from './lib/docs/reference.mjs';
import { root } from './lib/run.mjs';

test('docs/api is what the types say now, and every exported symbol has its documentation; else `npm run reference`', async () => {
  const to = mkdtempSync(join(tmpdir(), 'cutpoint-reference-'));
  try {
    await writeReference(to);
    const filesIn = (folder) =>
      Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
    expect(filesIn(join(root, 'docs', 'api'))).toEqual(filesIn(to));
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
});
