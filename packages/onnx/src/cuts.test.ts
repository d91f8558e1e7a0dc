import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from './analyse.js';
import { describeCut, listCuts } from './cuts.js';
import { GraphBuilder } from './graph-builder.js';
import { PrefixSet } from './prefix-set.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

describe('listCuts', () => {
  /** x [1, 16] -> a [1, 64] -> (b [1, 64], c [1, 4]) -> y [1, 4]. */
  const model = new GraphBuilder()
    .input('x', 'float32', [1, 16])
    .weight('w', [16, 64])
    .weight('v', [64, 4])
    .node('MatMul', ['x', 'w'], ['a'])
    .node('Relu', ['a'], ['b'])
    .node('MatMul', ['b', 'v'], ['c'])
    .node('Softmax', ['c'], ['y'])
    .output('y')
    .build();

  test('says what each cut moves and costs', async () => {
    const { cuts, excluded, unsplittable } = listCuts(model, await analyse(model, runtime));
    expect(cuts.map(({ id, crossing, bytesUp, bytesDown }) => [id, crossing.join(), bytesUp, bytesDown])).toEqual([
      [0, 'x', 64, 16],
      [1, 'a', 256, 16],
      [2, 'b', 256, 16],
      [3, 'c', 16, 16],
      [4, '', 0, 0],
    ]);
    expect(cuts.map(({ headFlops }) => headFlops)).toEqual([0, 2048, 2112, 2624, 2644]);
    expect(cuts.map(({ headFlops, tailFlops }) => headFlops + tailFlops)).toEqual(Array(5).fill(2644));
    expect(cuts.map(({ headWeightBytes }) => headWeightBytes)).toEqual([0, 4096, 4096, 5120, 5120]);
    expect(cuts.map(({ tailWeightBytes }) => tailWeightBytes)).toEqual([5120, 1024, 1024, 0, 0]);
    expect([excluded, unsplittable]).toEqual([[], undefined]);
  });

  test('merges cuts between which nothing has an effect', async () => {
    const idle = new GraphBuilder()
      .input('x', 'float32', [4])
      .node('Sin', ['x'], ['a'])
      .node('Cos', ['a'], ['nobody'])
      .node('Neg', ['a'], ['y'])
      .node('Abs', ['y'], ['nothing'])
      .output('y')
      .build();
    const { cuts } = listCuts(idle, await analyse(idle, runtime));
    // 2 equals 1, and 3 equals the local cut.
    expect(cuts.map(({ id }) => id)).toEqual([0, 1, 4]);
  });

  test('keeps apart cuts that send the same and leave different outputs on the device', async () => {
    const forked = new GraphBuilder()
      .input('x', 'float32', [4])
      .node('Sin', ['x'], ['a'])
      .node('Cos', ['a'], ['early'])
      .node('Neg', ['a'], ['y'])
      .output('early')
      .output('y')
      .build();
    const { cuts } = listCuts(forked, await analyse(forked, runtime));
    expect(cuts.map(({ id, crossing, bytesDown }) => [id, crossing.join(), bytesDown])).toEqual([
      [0, 'x', 32],
      [1, 'a', 32],
      [2, 'a', 16],
      [3, '', 0],
    ]);
  });

  test('describes a cut that is no prefix', async () => {
    const two = new GraphBuilder()
      .input('p', 'float32', [4])
      .input('q', 'float32', [2, 4])
      .node('Sin', ['p'], ['a'])
      .node('Cos', ['q'], ['b'])
      .node('Add', ['a', 'b'], ['y'])
      .output('y')
      .build();
    const cut = describeCut(two, await analyse(two, runtime), new Set([1]), 7);
    expect([cut.id, cut.crossing, cut.bytesUp, cut.headFlops]).toEqual([7, ['p', 'b'], 48, 8]);
  });
});

test('PrefixSet is the set of the numbers below its size', () => {
  const set = new PrefixSet(3);
  const visited: number[] = [];
  set.forEach((value) => {
    visited.push(value);
  });
  expect([[...set], [...set.keys()], [...set.entries()], visited]).toEqual([
    [0, 1, 2],
    [0, 1, 2],
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
    [0, 1, 2],
  ]);
  expect([0, 2, 3, -1, 0.5].map((value) => set.has(value))).toEqual([true, true, false, false, false]);
});
