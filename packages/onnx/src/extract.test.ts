import { afterAll, describe, expect, test } from 'vitest';
import { extract } from './extract.js';
import { GraphBuilder } from './graph-builder.js';
import type { Model } from './model.js';
import { encodeModel } from './model.js';
import { seededRandom } from './random.js';
import { type CheckOptions, errorOf, prepare } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';
import { randomDag } from './testing/random-dag.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

/** Runs every listed cut; returns how many there were. */
async function everyCutAgrees(model: Model, options: CheckOptions & { tolerance?: number } = {}): Promise<number> {
  const checked = await prepare(model, runtime, options);
  for (const cut of checked.list.cuts) {
    const error = await errorOf(checked, cut.head, runtime);
    expect(error, `cut ${cut.id}`).toBeLessThanOrEqual(options.tolerance ?? 1e-4);
  }
  return checked.list.cuts.length;
}

/** As they are, and as the edge stores them. */
async function everyCutAgreesBothWays(model: Model, options: CheckOptions = {}): Promise<number> {
  await everyCutAgrees(model, options);
  return everyCutAgrees(model, { ...options, optimize: false });
}

describe('head then tail gives what the unsplit model gives', () => {
  test('for every predecessor-closed cut of random graphs', async () => {
    const random = seededRandom(7);
    for (let graph = 0; graph < 12; graph++) {
      const checked = await prepare(randomDag(random), runtime, { optimize: graph % 2 === 0 });
      for (let attempt = 0; attempt < 8; attempt++) {
        const head = randomClosedSet(checked, random);
        const error = await errorOf(checked, head, runtime);
        expect(error, `graph ${graph}, head ${[...head]}`).toBeLessThanOrEqual(1e-4);
      }
    }
  });

  test('for a tensor that both sides read', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 4])
      .node('Sigmoid', ['x'], ['a'])
      .node('Sin', ['a'], ['b'])
      .node('Cos', ['b'], ['c'])
      .node('Mul', ['a', 'c'], ['y'])
      .output('y')
      .build();
    expect(await everyCutAgreesBothWays(model)).toBe(5);
    const { model: packed, analysis, list } = await prepare(model, runtime);
    expect(list.cuts.find(({ id }) => id === 2)?.crossing).toEqual(['a', 'b']);
    expect(extract(packed, analysis, new Set([0, 1])).tail?.graph?.input.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('for an input that the tail reads', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 4])
      .node('Sigmoid', ['x'], ['a'])
      .node('Sin', ['a'], ['b'])
      .node('Add', ['b', 'x'], ['y'])
      .output('y')
      .build();
    await everyCutAgreesBothWays(model);
    const { list } = await prepare(model, runtime);
    expect(list.cuts.find(({ id }) => id === 2)?.crossing).toEqual(['x', 'b']);
  });

  test('for several inputs and outputs, some of them in the head', async () => {
    const model = new GraphBuilder()
      .input('p', 'float32', [2, 3])
      .input('q', 'int64', [2])
      .weight('table', [4, 3])
      .node('Gather', ['table', 'q'], ['rows'])
      .node('Add', ['p', 'rows'], ['sum'])
      .node('Relu', ['sum'], ['early'])
      .node('Softmax', ['early'], ['late'])
      .output('early')
      .output('rows')
      .output('late')
      .build();
    await everyCutAgreesBothWays(model);
    const { list } = await prepare(model, runtime);
    const third = list.cuts.find(({ id }) => id === 3);
    expect([third?.headOutputs, third?.tailOutputs, third?.crossing]).toEqual([['early', 'rows'], ['late'], ['early']]);
    expect(third?.bytesDown).toBe(24);
  });

  test('for weights that both sides read', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [4, 32])
      .weight('w', [32, 32])
      .node('MatMul', ['x', 'w'], ['a'])
      .node('Tanh', ['a'], ['b'])
      .node('MatMul', ['b', 'w'], ['y'])
      .output('y')
      .build();
    await everyCutAgreesBothWays(model);
  });

  test('for Constant nodes, whose values both sides have', async () => {
    const { node, floatTensor } = await import('./proto.js');
    const constant = node('Constant', [], ['half']);
    const { create } = await import('@bufbuild/protobuf');
    const { AttributeProtoSchema, AttributeProto_AttributeType: Type } = await import('onnx-buf');
    const t = floatTensor('', [4], [0.5, 1, 2, 3]);
    constant.attribute.push(create(AttributeProtoSchema, { name: 'value', type: Type.TENSOR, t }));
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 4])
      .add(constant)
      .node('Mul', ['x', 'half'], ['a'])
      .node('Sin', ['a'], ['b'])
      .node('Add', ['b', 'half'], ['y'])
      .output('y')
      .build();
    // Constants are no nodes to cut behind.
    expect(await everyCutAgrees(model)).toBe(4);
  });

  test('for Constant nodes of every kind of value', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [2, 3])
      .node('Constant', [], ['f'], { value_float: 0.5 })
      .node('Constant', [], ['fs'], { value_floats: [1.5, 2.5, 3.5] })
      .node('Constant', [], ['shape'], { value_ints: [3n, 2n] })
      .node('Mul', ['x', 'f'], ['a'])
      .node('Add', ['a', 'fs'], ['b'])
      .node('Reshape', ['b', 'shape'], ['y'])
      .output('y')
      .build();
    expect(await everyCutAgrees(model)).toBe(4);
  });

  test('for initialisers that are outputs', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 40])
      .weight('w', [40])
      .node('Add', ['x', 'w'], ['a'])
      .node('Sin', ['a'], ['y'])
      .output('y')
      .output('w')
      .build();
    await everyCutAgreesBothWays(model);
  });

  test('for inputs that are outputs', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 4])
      .input('z', 'float32', [2])
      .node('Sin', ['x'], ['a'])
      .node('Cos', ['a'], ['y'])
      .output('y')
      .output('z', 'float32', [2])
      .build();
    await everyCutAgreesBothWays(model);
    const { list } = await prepare(model, runtime);
    expect(list.cuts.map(({ headOutputs }) => headOutputs)).toEqual([[], ['z'], ['y', 'z']]);
  });

  test('for initialisers that are inputs too, as before IR version 4', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 4])
      .input('w', 'float32', [4])
      .weight('w', [4])
      .node('Add', ['x', 'w'], ['a'])
      .node('Sin', ['a'], ['y'])
      .output('y')
      .build({ irVersion: 3, opset: 7 });
    await everyCutAgrees(model);
    const { analysis } = await prepare(model, runtime);
    expect(analysis.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  test('for outputs of nodes that nobody uses, named and unnamed', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 2, 8, 8])
      .ints('k', [2])
      .node('MaxPool', ['x'], ['a', ''], { kernel_shape: [2n, 2n], strides: [2n, 2n] })
      .node('Sin', ['a'], ['b'])
      .node('TopK', ['b', 'k'], ['values', 'unused'])
      .node('Cos', ['values'], ['y'])
      .output('y')
      .build();
    await everyCutAgreesBothWays(model);
  });

  test('for optional inputs that are left out', async () => {
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 2, 4, 4])
      .floats('scales', [1, 1, 2, 2])
      .floats('high', [0.5], [])
      .node('Resize', ['x', '', 'scales'], ['a'], { mode: 'nearest' })
      .node('Clip', ['a', '', 'high'], ['b'])
      .node('Sin', ['b'], ['y'])
      .output('y')
      .build();
    await everyCutAgreesBothWays(model);
  });

  test('for fp16 weights at operator set 7', async () => {
    const model = new GraphBuilder()
      .input('x', 'float16', [1, 3, 8, 8])
      .weight('w', [4, 3, 3, 3], 'float16')
      .weight('b', [4], 'float16')
      .node('Conv', ['x', 'w', 'b'], ['a'], { kernel_shape: [3n, 3n] })
      .node('Relu', ['a'], ['r'])
      .node('GlobalAveragePool', ['r'], ['y'])
      .output('y', 'float16')
      .build({ opset: 7, irVersion: 3 });
    expect(await everyCutAgrees(model, { tolerance: 1e-3 })).toBe(4);
  });
});

/** A random set of nodes with all that they need. */
function randomClosedSet(checked: Awaited<ReturnType<typeof prepare>>, random: () => number): ReadonlySet<number> {
  const nodes = checked.model.graph?.node ?? [];
  const producer = new Map(nodes.flatMap(({ output }, i) => output.map((name) => [name, i] as const)));
  const head = new Set<number>();
  const add = (i: number): void => {
    if (head.has(i)) return;
    head.add(i);
    for (const name of nodes[i]?.input ?? []) {
      const from = producer.get(name);
      if (from !== undefined) add(from);
    }
  };
  const seeds = Math.floor(random() * 4);
  for (let i = 0; i < seeds && nodes.length > 0; i++) add(Math.floor(random() * nodes.length));
  return head;
}

test('extracting does not change the model', async () => {
  const model = randomDag(seededRandom(3));
  const { model: packed, analysis } = await prepare(model, runtime);
  const before = encodeModel(packed);
  extract(packed, analysis, new Set([0]));
  expect(encodeModel(packed)).toEqual(before);
});
