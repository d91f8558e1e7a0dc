import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchingNetwork } from '../testing/made-up-networks.js';
import { seeded } from '../testing/random.js';
import { closedHeads, costGraphs } from '../testing/random-cost-graph.js';
import { type CostGraph, type CutWeights, costOfCut, weighted } from './cost-graph.js';
import { MinCut } from './min-cut.js';
import { proposeCuts } from './propose.js';

const DECADES = [1e-3, 1e-1, 1, 7, 50, 1e3];

/** A dense grid: every ratio of d, k, 1/uplink and 1/downlink over decades. */
const GRID: readonly CutWeights[] = DECADES.flatMap((head) =>
  DECADES.flatMap((up) => DECADES.flatMap((down) => ({ head, tail: 1, up: up / 10_000, down: down / 10_000 }))),
);

const proportional = (graph: CostGraph): CostGraph => ({
  ...graph,
  nodes: graph.nodes.map(({ headMs }) => ({ headMs, tailMs: 0.3 * headMs })),
});

describe('proposed cuts', () => {
  it.each([
    ['any costs', (graph: CostGraph) => graph, 20_000],
    ['any costs, some blocks listed', (graph: CostGraph) => graph, 8],
    ['any costs, minimum cuts alone', (graph: CostGraph) => graph, 0],
    ['tails in proportion to heads', proportional, 20_000],
    ['tails in proportion to heads, minimum cuts alone', proportional, 0],
  ])('are beaten by no cut under any conditions of a dense grid: %s', (_, change, maxListedCuts) => {
    fc.assert(
      fc.property(costGraphs.map(change), (graph) => {
        const every = closedHeads(graph).map((head) => costOfCut(graph, head));
        const proposed = proposeCuts(graph, { maxCuts: 4_096, maxSolves: 4_096, maxListedCuts });
        for (const at of GRID) {
          const least = (costs: readonly Parameters<typeof weighted>[0][]): number =>
            costs.reduce((low, cost) => Math.min(low, weighted(cost, at)), Number.POSITIVE_INFINITY);
          expect(least(proposed)).toBeLessThanOrEqual(least(every) * (1 + 1e-7) + 1e-7);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are a few dozen of a large network, with both ends, and say which are prefixes', () => {
    const graph = branchingNetwork(200, seeded(3));
    const proposed = proposeCuts(graph);
    expect(proposed.length).toBeLessThanOrEqual(48);
    expect(proposed.map(({ prefix }) => prefix)).toEqual(expect.arrayContaining([0, graph.nodes.length]));
    for (const { prefix, head } of proposed) {
      const isPrefix = [...head].every((node) => node < head.size);
      expect(prefix).toBe(isPrefix ? head.size : undefined);
    }
    const minCut = new MinCut(graph);
    for (const at of GRID.filter((_, index) => index % 9 === 0)) {
      const least = Math.min(...proposed.map((cut) => weighted(cut, at)));
      expect(least).toBeLessThanOrEqual(weighted(minCut.solve(at), at) * (1 + 1e-7));
    }
  });

  it('never are more than asked for, and keep both ends', () => {
    const few = proposeCuts(branchingNetwork(200, seeded(3)), { maxCuts: 5 });
    expect(few.length).toBe(5);
    expect(few[0]?.prefix).toBe(0);
    expect(few.some(({ tailMs }) => tailMs === 0)).toBe(true);
  });
});
