import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultOf, importsOf } from './lib/imports.mjs';
import { root } from './lib/run.mjs';

test('imports run only the way that docs/architecture.md draws', () => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'packages', 'apps', 'e2e'], {
    cwd: root,
  });
  const files = String(listed)
    .split('\n')
    .filter((file) => /\.[jt]sx?$/.test(file) && !/\/(fixtures|public)\//.test(file) && existsSync(join(root, file)));
  expect(files.length).toBeGreaterThan(100);
  const faults = files.flatMap((file) =>
    importsOf(join(root, file)).flatMap((specifier) => {
      const fault = faultOf(file, specifier);
      return fault === undefined ? [] : [`${file} imports ${specifier}: ${fault}`];
    }),
  );
  expect(faults).toEqual([]);
});

test('every way to import is seen', () => {
  const source = `
    import { a } from 'named';
    import type { T } from 'type';
    import 'bare';
    export * from 'all';
    export { b } from 'passed-on';
    const c = await import('dynamic');`;
  expect(importsOf('x.ts', source).sort()).toEqual(['all', 'bare', 'dynamic', 'named', 'passed-on', 'type']);
});

test.each([
  ['packages/partition/src/x.ts', '@cutpoint/protocol'],
  ['packages/partition/src/x.ts', '../../protocol/dist/index.js'],
  ['packages/partition/src/x.ts', 'node:fs'],
  ['packages/onnx/src/x.ts', '@cutpoint/protocol'],
  ['packages/onnx/src/x.ts', 'onnxruntime-node'],
  ['packages/onnx/src/x.test.ts', '@cutpoint/edge'],
  ['packages/protocol/src/x.ts', '../../client/dist/index.js'],
  ['packages/client/src/x.ts', '@cutpoint/onnx'],
  ['packages/client/src/x.ts', '@cutpoint/protocol/dist/index.js'],
  ['packages/client/src/worker/x.ts', '../../../protocol/src/index.js'],
  ['packages/client/src/x.ts', 'node:fs'],
  ['packages/client/src/x.ts', '@cutpoint/react'],
  ['packages/react/src/x.ts', '@cutpoint/partition'],
  ['packages/react/src/x.tsx', '../../client/dist/index.js'],
  ['apps/edge/src/x.ts', '@cutpoint/client'],
  ['apps/edge/src/x.ts', '../../demo/dist/x.js'],
  ['apps/demo/src/x.ts', '@cutpoint/onnx'],
  ['apps/demo/src/x.ts', '../../edge/dist/server/start.js'],
  ['apps/bench/src/x.ts', '@cutpoint/edge'],
  ['e2e/x.ts', '../packages/onnx/dist/index.js'],
  ['e2e/x.ts', '../apps/edge/src/server.js'],
])('%s may not import %s', (file, specifier) => {
  expect(faultOf(file, specifier)).toBeTypeOf('string');
});

test.each([
  ['packages/onnx/src/x.ts', '@cutpoint/partition'],
  ['packages/onnx/src/x.test.ts', 'onnxruntime-node'],
  ['packages/client/src/worker/x.ts', '../session.js'],
  ['packages/client/src/worker/x.ts', 'onnxruntime-web/webgpu'],
  ['packages/react/src/x.tsx', '@cutpoint/client'],
  ['apps/react-example/src/x.tsx', '@cutpoint/react'],
  ['apps/edge/src/cli/x.ts', '../models/config.js'],
  ['apps/edge/src/x.ts', '@cutpoint/edge/tail-worker'],
  ['apps/bench/src/x.ts', '@cutpoint/partition'],
  ['e2e/harness/x.ts', '../../scripts/lib/build.mjs'],
])('%s may import %s', (file, specifier) => {
  expect(faultOf(file, specifier)).toBeUndefined();
});
