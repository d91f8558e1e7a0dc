import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { fixDims } from './dims.js';
import { flopsOf } from './flops.js';
import { hasInsertedCasts } from './fp16-casts.js';
import { GraphBuilder } from './graph-builder.js';
import { decodeModel, encodeModel, type Model } from './model.js';
import { optimizeModel } from './optimize.js';
import { node } from './proto.js';
import { fromHalf, toHalf } from './random.js';
import { errorOf, prepare } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

const opsOf = (model: Model): readonly string[] => (model.graph?.node ?? []).map(({ opType }) => opType);

describe('optimizeModel', () => {
  test('folds constants, batch normalisation and Identity', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 3, 8, 8])
      .weight('w', [4, 3, 1, 1])
      .floats('scale', [1, 2, 3, 4])
      .floats('bias', [0, 1, 0, 1])
      .floats('mean', [0.1, 0.2, 0.3, 0.4])
      .floats('variance', [1, 2, 1, 2])
      .node('Identity', ['w'], ['shared'])
      .node('Conv', ['x', 'shared'], ['c'], { kernel_shape: [1n, 1n] })
      .node('BatchNormalization', ['c', 'scale', 'bias', 'mean', 'variance'], ['b'])
      .node('Shape', ['b'], ['shape'])
      .node('Reshape', ['b', 'shape'], ['r'])
      .node('Relu', ['r'], ['y'])
      .output('y')
      .build();
    const { model: optimized, skipped } = await optimizeModel(model, runtime);
    expect(skipped).toBeUndefined();
    expect(opsOf(optimized)).not.toContain('BatchNormalization');
    expect(opsOf(optimized)).not.toContain('Identity');
    expect(opsOf(optimized)).not.toContain('Shape');
    expect(optimized.opsetImport.map(({ domain }) => domain)).toEqual(['']);
    expect(optimized.graph?.valueInfo).toEqual([]);
  });

  test('folds what fixed dimensions make constant', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [null, 4])
      .node('Shape', ['x'], ['shape'])
      .node('Sin', ['x'], ['a'])
      .node('Reshape', ['a', 'shape'], ['b'])
      .node('Cos', ['b'], ['y'])
      .output('y')
      .build();
    const { model: optimized } = await optimizeModel(fixDims(model, { x: [2, 4] }), runtime);
    expect(opsOf(optimized)).not.toContain('Shape');
  });

  test('says what onnxruntime has against a model', async () => {
    const model = new GraphBuilder().input('x', 'float32', [4]).node('NoSuchOp', ['x'], ['y']).output('y').build();
    await expect(optimizeModel(model, runtime)).rejects.toMatchObject({ code: 'runtime_failed' });
  });
});

describe('fp16 models', () => {
  const half = new GraphBuilder()
    .input('x', 'float16', [1, 3, 16, 16])
    .weight('w', [8, 3, 3, 3], 'float16')
    .weight('v', [8, 8, 1, 1], 'float16')
    .node('Conv', ['x', 'w'], ['a'], { kernel_shape: [3n, 3n] })
    .node('Relu', ['a'], ['b'])
    .node('Conv', ['b', 'v'], ['c'], { kernel_shape: [1n, 1n] })
    .node('Add', ['b', 'c'], ['d'])
    .node('GlobalAveragePool', ['d'], ['y'])
    .output('y', 'float16')
    .output('b', 'float16')
    .build({ opset: 11 });

  test('are stored without the casts that a save on the CPU adds', async () => {
    const { model, skipped } = await optimizeModel(half, runtime);
    expect(skipped).toBeUndefined();
    expect(opsOf(model)).not.toContain('Cast');
    const saved = decodeModel(await runtime.optimize(encodeModel(half)));
    expect(opsOf(saved), 'the save does add casts, or this test shows nothing').toContain('Cast');
  });

  test('compute the same without them, at every cut', async () => {
    const checked = await prepare(half, runtime);
    for (const { head } of checked.list.cuts) expect(await errorOf(checked, head, runtime)).toBeLessThanOrEqual(1e-3);
  });

  test('keep casts of their own', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 3, 16, 16])
      .weight('w', [8, 3, 3, 3], 'float16')
      .node('Cast', ['x'], ['h'], { to: 10n })
      .node('Conv', ['h', 'w'], ['a'], { kernel_shape: [3n, 3n] })
      .node('Cast', ['a'], ['f'], { to: 1n })
      .node('Softmax', ['f'], ['s'], { axis: 1n })
      .node('Dropout', ['s'], ['d'])
      .node('Cast', ['d'], ['t'], { to: 10n })
      .node('Neg', ['t'], ['y'])
      .output('y', 'float16')
      .build({ opset: 13 });
    const { model: stored, skipped } = await optimizeModel(model, runtime);
    expect(skipped).toBeUndefined();
    expect(hasInsertedCasts(stored)).toBe(false);
    expect(opsOf(stored)).toEqual(['Cast', 'Conv', 'Cast', 'Softmax', 'Cast', 'Neg']);
    expect(stored.graph?.input.map(({ name }) => name)).toEqual(['x']);
    const checked = await prepare(model, runtime);
    const types = ['h', 'a', 'f'].map((name) => checked.analysis.tensors.get(name)?.type);
    expect(types).toEqual(['float16', 'float16', 'float32']);
    // Logits are rounded to fp16 before a softmax whose range is small.
    for (const { head } of checked.list.cuts) expect(await errorOf(checked, head, runtime)).toBeLessThanOrEqual(5e-3);
  });

  // Beside the project, wherever the tests are started from.
  const squeezenet = fileURLToPath(new URL('../../../../shared/data/models/squeezenet1_fp16.onnx', import.meta.url));
  const isMissing = !existsSync(squeezenet);
  if (isMissing) console.warn(`SKIPPED: ${squeezenet} is not there`);
  test.skipIf(isMissing)('SqueezeNet comes back with its 65 nodes (skipped without ../shared)', async () => {
    const { model, skipped } = await optimizeModel(decodeModel(readFileSync(squeezenet)), runtime);
    expect(skipped).toBeUndefined();
    expect(model.graph?.node).toHaveLength(65);
    expect(opsOf(model)).not.toContain('Cast');
  });
});

describe('float16', () => {
  test('rounds and reads back', () => {
    for (const value of [0, 1, -1, 0.5, 65504, 0.333251953125, -0.0009765625])
      expect(fromHalf(toHalf(value))).toBe(value);
    expect(fromHalf(toHalf(1e6))).toBe(Number.POSITIVE_INFINITY);
    expect(fromHalf(0x7e00)).toBeNaN();
    expect(fromHalf(1)).toBe(2 ** -24);
  });
});

describe('flopsOf', () => {
  const flops = (op: string, inputs: (number[] | undefined)[], output: number[], attributes = {}): number =>
    flopsOf(node(op, [], [], attributes), { inputs, outputs: [output] });

  test('counts a multiply-add as two', () => {
    // 8 x 6 x 6 outputs of 3 x 3 x 3 products, and a bias.
    expect(flops('Conv', [[1, 3, 8, 8], [8, 3, 3, 3], [8]], [1, 8, 6, 6])).toBe(288 * (2 * 27 + 1));
    expect(
      flops(
        'Conv',
        [
          [1, 8, 8, 8],
          [8, 1, 3, 3],
        ],
        [1, 8, 6, 6],
      ),
    ).toBe(288 * 18);
    expect(
      flops(
        'ConvTranspose',
        [
          [1, 4, 5, 5],
          [4, 2, 2, 2],
        ],
        [1, 2, 10, 10],
      ),
    ).toBe(2 * 100 * 8);
    expect(
      flops(
        'MatMul',
        [
          [2, 3, 4],
          [4, 5],
        ],
        [2, 3, 5],
      ),
    ).toBe(2 * 30 * 4);
    expect(flops('Gemm', [[3, 4], [5, 4], [5]], [3, 5], { transB: 1n })).toBe(2 * 15 * 4 + 15);
    expect(
      flops(
        'Gemm',
        [
          [4, 3],
          [4, 5],
        ],
        [3, 5],
        { transA: 1n },
      ),
    ).toBe(2 * 15 * 4);
    expect(flops('MaxPool', [[1, 1, 4, 4]], [1, 1, 2, 2], { kernel_shape: [2n, 2n] })).toBe(16);
    expect(flops('GlobalAveragePool', [[1, 2, 4, 4]], [1, 2, 1, 1])).toBe(32);
    expect(flops('Relu', [[10]], [10])).toBe(10);
    expect(flops('Reshape', [[10], [2]], [5, 2])).toBe(0);
  });
});
