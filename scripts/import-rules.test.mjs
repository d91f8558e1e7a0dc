import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { biome, root } from './lib/run.mjs';

/** A copy of the rules and nothing else, so that the files that break them never stand in the tree. */
const folder = mkdtempSync(join(tmpdir(), 'cutpoint-rules-'));
cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the linter lets `file` have this one import, by the rules of docs/architecture.md. */
function isAllowed(file, specifier) {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import '${specifier}';\n`);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, biome), 'lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', file],
    { cwd: folder, encoding: 'utf8' },
  );
  rmSync(path);
  const output = `${stdout}${stderr}`;
  if (!output.includes('Checked 1 file')) throw new Error(`biome did not check ${file}: ${output}`);
  return status === 0;
}

test.each([
  ['packages/partition/src/x.ts', '@cutpoint/protocol'],
  ['packages/partition/src/x.ts', 'node:fs'],
  ['packages/onnx/src/x.ts', '@cutpoint/protocol'],
  ['packages/onnx/src/x.ts', 'onnxruntime-node'],
  ['packages/protocol/src/x.ts', '@cutpoint/client'],
  ['packages/client/src/x.ts', '@cutpoint/onnx'],
  ['packages/client/src/x.ts', '@cutpoint/protocol/dist/index.js'],
  ['packages/client/src/x.ts', '../../protocol/src/index.js'],
  ['apps/edge/src/x.ts', '@cutpoint/client'],
  ['apps/demo/src/x.ts', '@cutpoint/edge'],
  ['apps/demo/src/x.ts', '../../edge/src/server.js'],
  ['apps/bench/src/x.ts', '../../edge/src/server.js'],
  ['e2e/x.ts', '../apps/edge/src/server.js'],
])('%s may not import %s', (file, specifier) => {
  expect(isAllowed(file, specifier)).toBe(false);
});

test.each([
  ['packages/onnx/src/x.ts', '@cutpoint/partition'],
  ['packages/client/src/x.ts', '@cutpoint/protocol'],
  ['packages/client/src/x.ts', './session.js'],
  ['apps/edge/src/x.ts', '@cutpoint/onnx'],
  ['apps/edge/src/cli/x.ts', '../models/config.js'],
  ['apps/bench/src/x.ts', '@cutpoint/partition'],
])('%s may import %s', (file, specifier) => {
  expect(isAllowed(file, specifier)).toBe(true);
});
