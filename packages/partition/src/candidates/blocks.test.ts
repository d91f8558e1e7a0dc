import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchingNetwork, chainNetwork } from '../testing/made-up-networks.js';
import { seeded } from '../testing/random.js';
import { closedHeads, costGraphs } from '../testing/random-cost-graph.js';
import { BlockCuts } from './block-cuts.js';
import { type Block, blocksOf } from './blocks.js';
import { type CostGraph, type CutCost, costOfCut } from './cost-graph.js';

/** Every head that blocks and their lists give, with the cost that they say. */
function listed(graph: CostGraph) {
  const cuts = new BlockCuts(graph);
  return blocksOf(graph).flatMap((block) =>
    (cuts.list(block, Number.POSITIVE_INFINITY) ?? []).map((cut) => ({ cut, head: headOf(block, cut.inHead) })),
  );
}

function headOf({ from }: Block, inHead: Uint8Array): ReadonlySet<number> {
  const inside = [...inHead.keys()].filter((node) => inHead[node] === 1);
  return new Set([...new Array<undefined>(from).keys(), ...inside.map((node) => from + node)]);
}

/** Bytes are whole numbers; times are summed in another order. */
function isCost(cut: CutCost, { headMs, tailMs, bytesUp, bytesDown }: CutCost): boolean {
  const isSame = Math.abs(cut.headMs - headMs) < 1e-9 && Math.abs(cut.tailMs - tailMs) < 1e-9;
  return isSame && cut.bytesUp === bytesUp && cut.bytesDown === bytesDown;
}

describe('the cuts of the blocks between gates', () => {
  it('are all cuts of the graph, each once and at what it costs', () => {
    fc.assert(
      fc.property(costGraphs, (graph) => {
        const cuts = listed(graph);
        const keys = (heads: readonly ReadonlySet<number>[]): readonly string[] =>
          heads.map((head) => [...head].join()).sort();
        expect(keys(cuts.map(({ head }) => head))).toEqual(keys(closedHeads(graph)));
        expect(cuts.filter(({ cut, head }) => !isCost(cut, costOfCut(graph, head)))).toEqual([]);
      }),
    );
  });

  it('are one of each prefix in a chain', () => {
    const graph = chainNetwork(40, seeded(1));
    expect(blocksOf(graph).map(({ from, to }) => to - from)).toEqual(new Array<number>(41).fill(0));
    expect(listed(graph).map(({ head }) => head.size)).toEqual([...new Array<undefined>(41).keys()]);
  });

  it('are few between the ends of branching blocks, skips or not', () => {
    const graph = branchingNetwork(400, seeded(2));
    expect(Math.max(...blocksOf(graph).map(({ from, to }) => to - from))).toBeLessThanOrEqual(18);
  });

  it('are not listed where they are too many', () => {
    const nodes = Array.from({ length: 40 }, () => ({ headMs: 1, tailMs: 1 }));
    const graph: CostGraph = { nodes, tensors: [] };
    const [block = { from: 0, to: 0 }] = blocksOf(graph);
    expect(block).toEqual({ from: 0, to: 40 });
    expect(new BlockCuts(graph).list(block, 1_000)).toBeUndefined();
  });
});
