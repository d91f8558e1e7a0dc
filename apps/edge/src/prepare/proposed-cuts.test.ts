import { analyse, decodeModel, listCuts } from '@cutpoint/onnx';
import { costOfCut, weighted } from '@cutpoint/partition';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../ort/runtime.js';
import { FLOAT, type TinyNode, tinyOnnx } from '../testing/tiny-onnx.js';
import { costGraphOf, proposedCuts } from './proposed-cuts.js';

/**
 * Two branches from one wide input. Each begins with products of a wide matrix and ends narrow after a reduction, but in the
 * stored order the reduction of the first branch comes after the products of the second: where both are narrow a prefix
 * has all, and where only the cheap branch is done no prefix exists.
 */
const WIDE = 64;
const nodes: TinyNode[] = [
  { op: 'MatMul', in: ['x', 'x'], out: 'a1' },
  ...Array.from({ length: 12 }, (_, i): TinyNode => ({ op: 'MatMul', in: [`a${i + 1}`, 'x'], out: `a${i + 2}` })),
  { op: 'ReduceSum', in: ['a13'], out: 'a', ints: { keepdims: 0 } },
  { op: 'ReduceSum', in: ['z'], out: 'b', ints: { keepdims: 0 } },
  { op: 'Add', in: ['a', 'b'], out: 'y' },
];

describe('proposed cuts of a model', () => {
  const runtime = createNodeRuntime({ dir: '.', threads: 1 });
  const model = decodeModel(
    tinyOnnx({
      inputs: [
        { name: 'x', type: FLOAT, dims: [WIDE, WIDE] },
        { name: 'z', type: FLOAT, dims: [WIDE, 1_000] },
      ],
      outputs: [{ name: 'y', type: FLOAT, dims: [] }],
      nodes,
    }),
  );
  let analysis: Awaited<ReturnType<typeof analyse>>;
  beforeAll(async () => {
    analysis = await analyse(model, runtime);
  });

  it('has one that is no prefix where that is really better: the cheap branch here, the costly one at the edge', () => {
    const list = listCuts(model, analysis);
    const { others, prefixes } = proposedCuts(model, analysis, list.cuts);
    const graph = costGraphOf(model, analysis);
    // 256 KB of z reduced to 4 bytes here, 16 KB of x sent: a device 100 times as slow, at 80 Mbit/s.
    const at = { head: 100, tail: 1, up: 1 / 10_000, down: 1 / 10_000 };
    const cheapest = (heads: readonly ReadonlySet<number>[]): number =>
      Math.min(...heads.map((head) => weighted(costOfCut(graph, head), at)));
    const ofPrefixes = cheapest(list.cuts.map(({ head }) => head));
    expect(cheapest(others.map(({ head }) => head))).toBeLessThan(0.9 * ofPrefixes);
    const best = others.find(({ head }) => head.size === 1 && head.has(nodes.length - 2));
    expect(best?.crossing).toEqual(['x', 'b']);
    expect(others.every(({ id }) => id > nodes.length)).toBe(true);
    expect([...prefixes]).toEqual(expect.arrayContaining([0, nodes.length]));
  });
});
