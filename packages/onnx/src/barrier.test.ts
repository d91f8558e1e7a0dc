import { afterAll, expect, test } from 'vitest';
import { withBarriers } from './barrier.js';
import { GraphBuilder } from './graph-builder.js';
import { encodeModel } from './model.js';
import { toHalf } from './random.js';
import { errorOf, prepare } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

test('behind barriers the unsplit fp16 model rounds as a cut does, which it otherwise does not', async () => {
  const model = new GraphBuilder()
    .input('x', 'float16', [1, 64])
    .weight('w', [64, 64], 'float16')
    .tensor('scale', 'float16', [], new Uint8Array(Uint16Array.of(toHalf(40)).buffer))
    .node('MatMul', ['x', 'w'], ['a'])
    .node('Mul', ['a', 'scale'], ['logits'])
    .node('Softmax', ['logits'], ['y'], { axis: 1n })
    .output('y', 'float16')
    .build({ opset: 13 });
  const checked = await prepare(model, runtime);
  const head = new Set([0, 1]);
  expect(await errorOf(checked, head, runtime), 'or this test shows nothing').toBeGreaterThan(1e-4);
  const session = await runtime.open(encodeModel(withBarriers(checked.model, ['logits'])), { purpose: 'inspect' });
  const expected = await session.run(checked.feeds);
  expect(await errorOf({ ...checked, expected }, head, runtime)).toBeLessThanOrEqual(1e-6);
  await session.release();
});
