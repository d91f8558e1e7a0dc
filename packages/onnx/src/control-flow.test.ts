import { create } from '@bufbuild/protobuf';
import { FunctionProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { afterAll, describe, expect, test } from 'vitest';
import { describeCut } from './cuts.js';
import { extract } from './extract.js';
import { GraphBuilder } from './graph-builder.js';
import { readsOf } from './graph-index.js';
import type { Model } from './model.js';
import { node } from './proto.js';
import type { RuntimeTensor, RuntimeTensors } from './runtime.js';
import { errorOf, numbers, prepare } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

async function everyCutAgrees(model: Model, optimize: boolean): Promise<readonly number[]> {
  const checked = await prepare(model, runtime, { optimize });
  for (const cut of checked.list.cuts) {
    expect(await errorOf(checked, cut.head, runtime), `cut ${cut.id}`).toBeLessThanOrEqual(1e-4);
  }
  return checked.list.cuts.map(({ id }) => id);
}

/** Feeds that decide a branch, and what the graph's one output must then be. */
interface Outcome {
  readonly feeds: RuntimeTensors;
  readonly values: readonly number[];
}

/** Every cut under every outcome; returns how many cuts there were. */
async function everyBranchAgrees(model: Model, outcomes: readonly Outcome[], optimize: boolean): Promise<number> {
  let numCuts = 0;
  for (const [i, { feeds, values }] of outcomes.entries()) {
    const checked = await prepare(model, runtime, { optimize, feeds });
    const [output, ...others] = Object.values(checked.expected);
    expect(others).toEqual([]);
    const differences = (output ? numbers(output) : []).map((have, k) => Math.abs(have - (values[k] ?? Number.NaN)));
    expect(differences).toHaveLength(values.length);
    // Or another branch ran than the one that these feeds are for.
    expect(Math.max(...differences), `outcome ${i}, unsplit`).toBeLessThanOrEqual(1e-5);
    for (const cut of checked.list.cuts) {
      const error = await errorOf(checked, cut.head, runtime);
      expect(error, `outcome ${i}, cut ${cut.id}`).toBeLessThanOrEqual(1e-4);
    }
    numCuts = checked.list.cuts.length;
  }
  return numCuts;
}

const floats = (values: readonly number[], dims: readonly number[] = [values.length]): RuntimeTensor => ({
  type: 'float32',
  dims,
  bytes: new Uint8Array(new Float32Array(values).buffer),
});
const range = <T>(count: number, value: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => value(i));

const both = [true, false] as const;
/** Enough for a weight to go into a pack. */
const WIDTH = 40;
/** All of one sign, and so are their sines. */
const positive = range(WIDTH, (i) => (i + 1) / WIDTH);
const negative = positive.map((value) => -value);
const scale = range(WIDTH, (i) => 0.5 - i / WIDTH);

/** z = -(sum(sin x) > 0 ? early * scale : early + late), where `early`, `late` and `scale` come from outside the branches. */
function conditional(): Model {
  const then = new GraphBuilder().node('Mul', ['early', 'scale'], ['then_y']).output('then_y').graph('then');
  const otherwise = new GraphBuilder().node('Add', ['early', 'late'], ['else_y']).output('else_y').graph('else');
  return new GraphBuilder()
    .input('x', 'float32', [1, WIDTH])
    .floats('scale', scale)
    .floats('zero', [0], [])
    .node('Sin', ['x'], ['early'])
    .node('Cos', ['early'], ['late'])
    .node('ReduceSum', ['early'], ['sum'], { keepdims: 0n })
    .node('Greater', ['sum', 'zero'], ['positive'])
    .control('If', ['positive'], ['y'], { then_branch: then, else_branch: otherwise })
    .node('Neg', ['y'], ['z'])
    .output('z')
    .build();
}

describe('bodies that read names from outside', () => {
  test.each(both)('If: cut anywhere both branches give the same (optimised: %s)', async (optimize) => {
    const outcomes = [
      {
        feeds: { x: floats(positive, [1, WIDTH]) },
        values: positive.map((value, i) => -Math.sin(value) * (scale[i] ?? 0)),
      },
      {
        feeds: { x: floats(negative, [1, WIDTH]) },
        values: negative.map((value) => -Math.sin(value) - Math.cos(Math.sin(value))),
      },
    ];
    expect(await everyBranchAgrees(conditional(), outcomes, optimize)).toBeGreaterThan(4);
  });

  test('If: what only a branch reads crosses', async () => {
    const { model, list } = await prepare(conditional(), runtime, { optimize: false });
    expect(list.cuts.find(({ id }) => id === 4)?.crossing).toEqual(['early', 'late', 'positive']);
    const branching = model.graph?.node.find(({ opType }) => opType === 'If');
    expect(branching && [...readsOf(branching)].sort()).toEqual(['early', 'late', 'positive', 'scale']);
  });

  test.each(both)('If inside If: names are taken through both (optimised: %s)', async (optimize) => {
    const inner = (name: string, op: string) =>
      new GraphBuilder()
        .node(op, ['deep', 'w'], [`${name}_y`])
        .output(`${name}_y`)
        .graph(name);
    const nested = new GraphBuilder()
      .control('If', ['choice'], ['nested_y'], { then_branch: inner('a', 'Add'), else_branch: inner('b', 'Mul') })
      .output('nested_y')
      .graph('nested');
    const model = new GraphBuilder()
      .input('x', 'float32', [WIDTH])
      .input('q', 'float32', [])
      .floats('w', scale)
      .floats('zero', [0], [])
      .node('Sin', ['x'], ['deep'])
      .node('ReduceSum', ['deep'], ['sum'], { keepdims: 0n })
      .node('Greater', ['sum', 'zero'], ['positive'])
      .node('Greater', ['q', 'zero'], ['choice'])
      .control('If', ['positive'], ['y'], { then_branch: nested, else_branch: inner('c', 'Sub') })
      .node('Cos', ['y'], ['z'])
      .output('z')
      .build();
    const outcome = (x: readonly number[], q: number, y: (deep: number, w: number) => number): Outcome => ({
      feeds: { x: floats(x), q: floats([q], []) },
      values: x.map((value, i) => Math.cos(y(Math.sin(value), scale[i] ?? 0))),
    });
    const outcomes = [
      outcome(positive, 1, (deep, w) => deep + w),
      outcome(positive, -1, (deep, w) => deep * w),
      outcome(negative, 1, (deep, w) => deep - w),
      outcome(negative, -1, (deep, w) => deep - w),
    ];
    expect(await everyBranchAgrees(model, outcomes, optimize)).toBeGreaterThan(4);
  });

  test.each(both)('Loop: the body reads a tensor and a weight from outside (optimised: %s)', async (optimize) => {
    const body = new GraphBuilder()
      .input('i', 'int64', [])
      .input('keep', 'bool', [])
      .input('state', 'float32', [1, 40])
      .node('Identity', ['keep'], ['keep_on'])
      .node('Mul', ['state', 'outside'], ['scaled'])
      .node('Add', ['scaled', 'w'], ['next'])
      .output('keep_on', 'bool')
      .output('next')
      .graph('body');
    const model = new GraphBuilder()
      .input('x', 'float32', [1, 40])
      .weight('w', [40])
      .ints('times', [3], [])
      .tensor('go', 'bool', [], Uint8Array.of(1))
      .node('Sin', ['x'], ['outside'])
      .node('Cos', ['outside'], ['start'])
      .control('Loop', ['times', 'go', 'start'], ['looped'], { body })
      .node('Tanh', ['looped'], ['y'])
      .output('y')
      .build();
    expect(await everyCutAgrees(model, optimize)).toEqual([0, 1, 2, 3, 4]);
  });

  test.each(both)('Scan: the body reads a tensor from outside (optimised: %s)', async (optimize) => {
    const body = new GraphBuilder()
      .input('sum', 'float32', [4])
      .input('row', 'float32', [4])
      .node('Mul', ['row', 'outside'], ['scaled'])
      .node('Add', ['sum', 'scaled'], ['total'])
      .node('Identity', ['total'], ['step'])
      .output('total', 'float32', [4])
      .output('step', 'float32', [4])
      .graph('body');
    const model = new GraphBuilder()
      .input('x', 'float32', [5, 4])
      .input('z', 'float32', [4])
      .node('Sin', ['z'], ['outside'])
      .node('Cos', ['x'], ['rows'])
      .control('Scan', ['outside', 'rows'], ['last', 'all'], { body }, { num_scan_inputs: 1n })
      .node('ReduceSum', ['all'], ['y'], { keepdims: 0n })
      .output('y')
      .output('last')
      .build();
    expect(await everyCutAgrees(model, optimize)).toEqual([0, 1, 2, 3, 4]);
  });

  test('large weights inside a branch stay with the branch', async () => {
    const weights = [0, 1].map((phase) => range(WIDTH * WIDTH, (i) => Math.sin(i + phase) / WIDTH));
    const branch = (name: string, values: readonly number[] = []) =>
      new GraphBuilder()
        .floats(`${name}_w`, values, [WIDTH, WIDTH])
        .node('MatMul', ['early', `${name}_w`], [`${name}_y`])
        .output(`${name}_y`)
        .graph(name);
    const model = new GraphBuilder()
      .input('x', 'float32', [1, WIDTH])
      .input('flag', 'bool', [])
      .node('Sin', ['x'], ['early'])
      .control('If', ['flag'], ['y'], { then_branch: branch('a', weights[0]), else_branch: branch('b', weights[1]) })
      .node('Cos', ['y'], ['z'])
      .output('z')
      .build();
    const outcome = (flag: number, w: readonly number[] = []): Outcome => ({
      feeds: { x: floats(positive, [1, WIDTH]), flag: { type: 'bool', dims: [], bytes: Uint8Array.of(flag) } },
      values: range(WIDTH, (column) =>
        Math.cos(positive.reduce((sum, value, row) => sum + Math.sin(value) * (w[row * WIDTH + column] ?? 0), 0)),
      ),
    });
    expect(await everyBranchAgrees(model, [outcome(1, weights[0]), outcome(0, weights[1])], true)).toBe(4);
  });
});

test('data-dependent dimensions stay open in head and tail', async () => {
  const model = new GraphBuilder()
    .input('x', 'float32', [3, 4])
    .node('Relu', ['x'], ['a'])
    .node('NonZero', ['a'], ['where'])
    .node('Transpose', ['where'], ['t'])
    .node('GatherND', ['a', 't'], ['found'])
    .node('Sin', ['found'], ['y'])
    .output('y')
    .build();
  const checked = await prepare(model, runtime);
  const dynamic = checked.list.cuts.filter((cut) => cut.dynamic).map(({ id }) => id);
  // The output's size depends on the data: only the local cut moves nothing of unknown size.
  expect(dynamic).toEqual([0, 1, 2, 3, 4]);
  for (const { head } of checked.list.cuts) expect(await errorOf(checked, head, runtime)).toBeLessThanOrEqual(1e-4);
});

test('local functions stay with the parts that call them', async () => {
  const twice = create(FunctionProtoSchema, {
    name: 'Twice',
    domain: 'test',
    input: ['v'],
    output: ['w'],
    node: [node('Add', ['v', 'v'], ['w'])],
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
  });
  const call = (input: string, output: string) => {
    const proto = node('Twice', [input], [output]);
    proto.domain = 'test';
    return proto;
  };
  const model = new GraphBuilder()
    .input('x', 'float32', [4])
    .add(call('x', 'a'))
    .node('Sin', ['a'], ['b'])
    .add(call('b', 'y'))
    .output('y')
    .build({ functions: [twice], domains: ['test'] });
  expect(await everyCutAgrees(model, false)).toEqual([0, 1, 2, 3]);
  await everyCutAgrees(model, true);
});

test('a set that is not closed names the edge that it breaks', async () => {
  const { model, analysis } = await prepare(conditional(), runtime, { optimize: false });
  expect(() => extract(model, analysis, new Set([0, 4]))).toThrow(
    /reads "late", but not node 1|reads "positive", but not node 3/,
  );
  expect(() => describeCut(model, analysis, new Set([1]), 9)).toThrow(
    'The head has node 1 "late" (Cos), which reads "early", but not node 0 "early" (Sin), which writes it.',
  );
});

test('a graph that is not in order is put in order', async () => {
  const model = new GraphBuilder()
    .input('x', 'float32', [4])
    .node('Cos', ['a'], ['b'])
    .node('Sin', ['x'], ['a'])
    .node('Add', ['a', 'b'], ['y'])
    .output('y')
    .build();
  const checked = await prepare(model, runtime);
  expect(checked.model.graph?.node.map(({ opType }) => opType)).toEqual(['Sin', 'Cos', 'Add']);
});
