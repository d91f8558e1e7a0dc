import { afterAll, describe, expect, test } from 'vitest';
import { OnnxError } from './errors.js';
import { GraphBuilder } from './graph-builder.js';
import type { Model } from './model.js';
import { buildPixelVariant, type PixelInput, type PostProcessing } from './pixels.js';
import { randomTensor, seededRandom } from './random.js';
import type { RuntimeTensor, RuntimeTensors } from './runtime.js';
import { errorOf, numbers, prepare, runModel } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

const SIZE: readonly [number, number] = [4, 6];
const OPSETS = [7, 9, 10, 11, 13, 17, 21];

const pixels: PixelInput = {
  input: 'x',
  channels: 'bgr',
  mean: [104, 117, 123],
  std: [2, 4, 8],
  height: SIZE[0],
  width: SIZE[1],
};

const image = randomTensor('uint8', [...SIZE, 3], seededRandom(5));

/** What a preprocessing step in JavaScript would feed. */
function normalised({ channels, mean, std }: PixelInput): RuntimeTensor {
  const [height, width] = SIZE;
  const values = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < height * width; i++) {
      const value = image.bytes[i * 3 + (channels === 'bgr' ? 2 - c : c)] ?? 0;
      values[c * height * width + i] = (value - (mean[c] ?? 0)) / (std[c] ?? 1);
    }
  }
  return { type: 'float32', dims: [1, 3, height, width], bytes: new Uint8Array(values.buffer) };
}

function network(opset: number, type: 'float32' | 'float16' = 'float32'): Model {
  return new GraphBuilder()
    .input('x', type, [1, 3, null, null])
    .weight('w', [5, 3, 1, 1], type)
    .node('Conv', ['x', 'w'], ['y'], { kernel_shape: [1n, 1n] })
    .output('y', type)
    .build({ opset, irVersion: opset < 9 ? 3 : 8 });
}

async function runPixels(model: Model, post?: PostProcessing, tolerance = 1e-3): Promise<RuntimeTensors> {
  const variant = buildPixelVariant(model, { pixels, post });
  const checked = await prepare(variant.model, runtime, { feeds: { [variant.input]: image } });
  for (const { id, head } of checked.list.cuts) {
    expect(await errorOf(checked, head, runtime), `cut ${id}`).toBeLessThanOrEqual(tolerance);
  }
  return checked.expected;
}

describe('normalisation', () => {
  test.each(OPSETS)('gives what the page would have computed, at operator set %i', async (opset) => {
    const expected = (await runModel(network(opset), { x: normalised(pixels) }, runtime)).y;
    const actual = (await runPixels(network(opset))).y;
    expect(actual?.dims).toEqual([1, 5, ...SIZE]);
    const want = expected ? numbers(expected) : [];
    for (const [i, value] of (actual ? numbers(actual) : []).entries())
      expect(value).toBeCloseTo(want[i] ?? Number.NaN, 4);
  });

  test('leaves out what does nothing', () => {
    const plain = { ...pixels, channels: 'rgb', mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const { model } = buildPixelVariant(network(17), { pixels: plain });
    expect(model.graph?.node.map(({ opType }) => opType)).toEqual(['Cast', 'Transpose', 'Reshape', 'Conv']);
  });

  test('ends in fp16 for fp16 models', async () => {
    const wide = (await runModel(network(7), { x: normalised(pixels) }, runtime)).y;
    const { y } = await runPixels(network(7, 'float16'));
    expect(y?.type).toBe('float16');
    // Weights are rounded to fp16 too.
    const want = wide ? numbers(wide) : [];
    const range = Math.max(...want) - Math.min(...want);
    for (const [i, value] of (y ? numbers(y) : []).entries())
      expect(Math.abs(value - (want[i] ?? 0)) / range).toBeLessThan(2e-3);
  });

  test('cuts among the image nodes exist, and cut 0 ships the pixels', async () => {
    const variant = buildPixelVariant(network(17), { pixels });
    const { list } = await prepare(variant.model, runtime, { feeds: { [variant.input]: image } });
    expect(list.cuts[0]?.crossing).toEqual([variant.input]);
    expect(list.cuts[0]?.bytesUp).toBe(4 * 6 * 3);
    expect(list.cuts.length).toBeGreaterThan(5);
  });

  test('does not take a name that the graph has', () => {
    const model = new GraphBuilder()
      .input('image', 'float32', [1, 3, 4, 6])
      .node('Sin', ['image'], ['values'])
      .output('values')
      .build();
    const variant = buildPixelVariant(model, {
      pixels: { ...pixels, input: 'image' },
      post: { type: 'top-k', output: 'values', k: 2, softmax: false },
    });
    expect(variant.input).toBe('image_2');
    expect(variant.outputs).toEqual({ type: 'top-k', values: 'values_2', indices: 'indices' });
  });
});

describe('post-processing', () => {
  test.each(OPSETS)('top-k flattens, normalises and sorts at operator set %i', async (opset) => {
    const logits = (await runPixels(network(opset))).y;
    const best = await runPixels(network(opset), { type: 'top-k', output: 'y', k: 3, softmax: true });
    const all = logits ? numbers(logits) : [];
    const total = all.reduce((sum, value) => sum + Math.exp(value), 0);
    const order = all.map((value, i) => ({ value: Math.exp(value) / total, i })).sort((a, b) => b.value - a.value);
    expect(best.indices).toMatchObject({ type: 'int32', dims: [1, 3] });
    expect(best.values).toMatchObject({ type: 'float32', dims: [1, 3] });
    expect(best.indices && numbers(best.indices)).toEqual(order.slice(0, 3).map(({ i }) => i));
    const values = best.values ? numbers(best.values) : [];
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(order[i]?.value ?? Number.NaN, 5);
  });

  test.each(OPSETS)('ctc-greedy gives the best class of each step at operator set %i', async (opset) => {
    const steps = new GraphBuilder()
      .input('x', 'float32', [1, 3, 4, 6])
      .ints('shape', [1, 8, 9])
      .node('Reshape', ['x', 'shape'], ['y'])
      .output('y')
      .build({ opset, irVersion: opset < 9 ? 3 : 8 });
    const all = numbers(normalised(pixels));
    const { values, indices } = await runPixels(steps, { type: 'ctc-greedy', output: 'y' });
    const rows = Array.from({ length: 8 }, (_, t) => all.slice(t * 9, t * 9 + 9));
    expect(indices?.dims).toEqual([1, 8]);
    expect(indices && numbers(indices)).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
    expect(values && numbers(values)).toEqual(rows.map((row) => Math.max(...row)));
  });

  test.each(OPSETS)('text-map averages and rounds at operator set %i', async (opset) => {
    const map = new GraphBuilder()
      .input('x', 'float32', [1, 3, 4, 6])
      .weight('w', [1, 3, 1, 1])
      .node('Conv', ['x', 'w'], ['a'], { kernel_shape: [1n, 1n] })
      .node('Sigmoid', ['a'], ['y'])
      .output('y')
      .build({ opset, irVersion: opset < 9 ? 3 : 8 });
    const { y } = await runPixels(map);
    const { text_map } = await runPixels(map, { type: 'text-map', output: 'y', stride: 2 });
    const all = y ? numbers(y) : [];
    const at = (row: number, column: number): number => all[row * 6 + column] ?? Number.NaN;
    const means = [0, 2].flatMap((r) =>
      [0, 2, 4].map((c) => Math.round(((at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4) * 255)),
    );
    expect(text_map).toMatchObject({ type: 'uint8', dims: [1, 1, 2, 3] });
    expect(text_map && numbers(text_map)).toEqual(means);
  });

  test('reads fp16 outputs in fp32', async () => {
    const post: PostProcessing = { type: 'top-k', output: 'y', k: 20, softmax: false };
    // The best twenty span a small part of the range, on which fp16 rounds what crosses.
    const { values } = await runPixels(network(7, 'float16'), post, 1e-2);
    expect(values?.type).toBe('float32');
  });
});

describe('refusals', () => {
  const codeOf = (build: () => unknown): string | undefined => {
    try {
      build();
      return undefined;
    } catch (error) {
      return error instanceof OnnxError ? error.code : 'other';
    }
  };

  test('have a code', () => {
    const integers = new GraphBuilder().input('x', 'int64', [1, 3, 4, 6]).node('Neg', ['x'], ['y']).output('y').build();
    const gray = new GraphBuilder().input('x', 'float32', [1, 1, 4, 6]).node('Sin', ['x'], ['y']).output('y').build();
    const post: PostProcessing = { type: 'top-k', output: 'nothing', k: 1, softmax: false };
    expect(codeOf(() => buildPixelVariant(network(6), { pixels }))).toBe('unsupported');
    expect(codeOf(() => buildPixelVariant(integers, { pixels }))).toBe('unsupported');
    expect(codeOf(() => buildPixelVariant(gray, { pixels }))).toBe('dims_mismatch');
    expect(codeOf(() => buildPixelVariant(network(17), { pixels: { ...pixels, input: 'nothing' } }))).toBe(
      'unknown_name',
    );
    expect(codeOf(() => buildPixelVariant(network(17), { pixels, post }))).toBe('unknown_name');
  });
});
