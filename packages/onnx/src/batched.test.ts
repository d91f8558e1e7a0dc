import { afterAll, describe, expect, test } from 'vitest';
import { batchedTail } from './batched.js';
import { extract } from './extract.js';
import { GraphBuilder } from './graph-builder.js';
import { encodeModel, type Model } from './model.js';
import { benchmarkNetworks } from './networks/benchmark-networks.js';
import { buildPixelVariant } from './pixels.js';
import { randomTensor, seededRandom } from './random.js';
import type { RuntimeTensor, RuntimeTensors } from './runtime.js';
import { prepare, relativeError } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

const SIZE = 3;

/** A small network with what the larger ones are made of. */
function pictureNetwork(): Model {
  const network = new GraphBuilder()
    .input('x', 'float32', [1, 3, 8, 8])
    .weight('w', [4, 3, 3, 3])
    .node('Conv', ['x', 'w'], ['a'], { pads: [1n, 1n, 1n, 1n] })
    .node('Relu', ['a'], ['b'])
    .node('MaxPool', ['b'], ['c'], { kernel_shape: [2n, 2n], strides: [2n, 2n] })
    .node('GlobalAveragePool', ['c'], ['d'])
    .node('Mul', ['c', 'd'], ['e'])
    .node('Concat', ['e', 'c'], ['f'], { axis: 1n })
    .ints('shape', [1, 8, -1])
    .node('Reshape', ['f', 'shape'], ['g'])
    .node('Transpose', ['g'], ['h'], { perm: [0n, 2n, 1n] })
    .weight('v', [8, 5])
    .node('MatMul', ['h', 'v'], ['i'])
    .node('Flatten', ['i'], ['j'])
    .weight('u', [80, 10])
    .weight('bias', [10])
    .node('Gemm', ['j', 'u', 'bias'], ['scores'])
    .output('scores', 'float32', [1, 10])
    .build();
  return buildPixelVariant(network, {
    pixels: { input: 'x', channels: 'bgr', mean: [1, 2, 3], std: [4, 5, 6], height: 8, width: 8 },
    post: { type: 'top-k', output: 'scores', k: 3, softmax: true },
  }).model;
}

function stacked(feeds: readonly RuntimeTensors[]): RuntimeTensors {
  return Object.fromEntries(
    Object.entries(feeds[0] ?? {}).map(([name, { type, dims }]) => {
      const bytes = new Uint8Array(Buffer.concat(feeds.map((own) => own[name]?.bytes ?? new Uint8Array())));
      const rest = dims[0] === 1 ? dims.slice(1) : dims;
      return [name, { type, dims: [feeds.length, ...rest], bytes }];
    }),
  );
}

function partOf({ type, dims: [, ...rest], bytes }: RuntimeTensor, index: number): RuntimeTensor {
  const length = bytes.length / SIZE;
  return { type, dims: [1, ...rest], bytes: bytes.slice(index * length, (index + 1) * length) };
}

/** Runs the tails of all cuts for several inputs, at once and one by one. @returns how many cuts can do so, and cannot */
async function compareAll(model: Model, optimize = true): Promise<{ can: number; cannot: number }> {
  const { model: packed, analysis, list } = await prepare(model, runtime, { optimize });
  const random = seededRandom(3);
  const count = { can: 0, cannot: 0 };
  for (const { head, crossing, id } of list.cuts) {
    const { tail } = extract(packed, analysis, head);
    if (tail === null) continue;
    const batched = batchedTail(tail, analysis);
    if (batched === undefined) {
      count.cannot += 1;
      continue;
    }
    count.can += 1;
    const feeds = Array.from({ length: SIZE }, () =>
      Object.fromEntries(
        crossing.map((name) => {
          const { type, dims } = analysis.tensors.get(name) ?? expect.fail(`${name} is not known`);
          return [name, randomTensor(type, dims, random)];
        }),
      ),
    );
    const [one, many] = [await runtime.open(encodeModel(tail)), await runtime.open(encodeModel(batched))];
    const all = await many.run(stacked(feeds));
    for (const [index, own] of feeds.entries()) {
      for (const [name, expected] of Object.entries(await one.run(own))) {
        const tensor = all[name] ?? expect.fail(`no ${name}`);
        expect(relativeError(partOf(tensor, index), expected), `cut ${id}, ${name}`).toBeLessThanOrEqual(1e-5);
      }
    }
    await one.release();
    await many.release();
  }
  return count;
}

describe('a tail that takes many inputs at once gives what single runs give', () => {
  test('from every cut of a network that takes a picture and names classes', async () => {
    expect(await compareAll(pictureNetwork())).toMatchObject({ cannot: 0 });
    expect(await compareAll(pictureNetwork(), false)).toMatchObject({ cannot: 0 });
  });

  test('and is found for all cuts of a published network', async () => {
    const { model, analysis, list } = await prepare(benchmarkNetworks.squeezenet.build(), runtime);
    const tails = list.cuts.flatMap(({ head }) => extract(model, analysis, head).tail ?? []);
    expect(tails.length).toBeGreaterThan(60);
    expect(tails.filter((tail) => batchedTail(tail, analysis) === undefined)).toHaveLength(0);
  });

  test('with attention: products of what depends on the input', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 5, 8])
      .weight('q', [8, 8])
      .weight('k', [8, 8])
      .node('MatMul', ['x', 'q'], ['xq'])
      .node('MatMul', ['x', 'k'], ['xk'])
      .ints('heads', [0, 5, 2, 4])
      .node('Reshape', ['xq', 'heads'], ['q4'])
      .node('Reshape', ['xk', 'heads'], ['k4'])
      .node('Transpose', ['q4'], ['qt'], { perm: [0n, 2n, 1n, 3n] })
      .node('Transpose', ['k4'], ['kt'], { perm: [0n, 2n, 3n, 1n] })
      .node('MatMul', ['qt', 'kt'], ['products'])
      .node('Softmax', ['products'], ['y'], { axis: -1n })
      .output('y')
      .build();
    expect(await compareAll(model, false)).toMatchObject({ cannot: 0 });
  });
});

describe('a tail is left alone', () => {
  const x = () => new GraphBuilder().input('x', 'float32', [1, 4]);
  const asFloat = (builder: GraphBuilder) => builder.node('Cast', ['i'], ['y'], { to: 1n });
  const refused = async (builder: GraphBuilder) => {
    const { model, analysis, list } = await prepare(builder.output('y').build(), runtime, { optimize: false });
    const { tail } = extract(model, analysis, list.cuts[0]?.head ?? new Set());
    return tail !== null && batchedTail(tail, analysis) === undefined;
  };

  test.each([
    ['a softmax over the inputs', x().node('Softmax', ['x'], ['y'], { axis: 0n })],
    ['a mean of all', x().node('ReduceMean', ['x'], ['y'], { axes: [0n, 1n] })],
    ['a mean of everything', x().node('ReduceMean', ['x'], ['y'], { keepdims: 0n })],
    ['inputs side by side', x().node('Concat', ['x', 'x'], ['y'], { axis: 0n })],
    ['one scale for all', asFloat(x().node('DynamicQuantizeLinear', ['x'], ['i', 'scale', 'zero']))],
    ['dimensions that change places', x().node('Transpose', ['x'], ['t']).node('Transpose', ['t'], ['y'])],
    ['a dimension before that of the inputs', x().ints('axes', [0]).node('Unsqueeze', ['x', 'axes'], ['y'])],
    ['dimensions that become one', x().ints('shape', [4]).node('Reshape', ['x', 'shape'], ['y'])],
    ['the inputs as the right side of a product', x().weight('w', [3, 1]).node('MatMul', ['w', 'x'], ['y'])],
    ['a constant for each input', x().weight('w', [2, 4]).node('Add', ['x', 'w'], ['y'])],
    ['an operator that nothing is known of', asFloat(x().node('NonZero', ['x'], ['i']))],
    ['an output that is a weight', x().node('Relu', ['x'], ['z']).output('z').floats('y', [1, 2])],
  ])('because of %s', async (_, builder) => {
    expect(await refused(builder)).toBe(true);
  });
});
