import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainNetwork } from '../testing/made-up-networks.js';
import { seeded } from '../testing/random.js';
import { closedHeads, costGraphs } from '../testing/random-cost-graph.js';
import { type CutWeights, costOfCut, weighted } from './cost-graph.js';
import { bestCut, MinCut } from './min-cut.js';
import { scanPrefixes } from './prefix-scan.js';

const weight = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 100, noNaN: true }));
const weights: fc.Arbitrary<CutWeights> = fc.record({
  head: weight,
  tail: weight,
  up: weight.map((value) => value / 10_000),
  down: weight.map((value) => value / 10_000),
});

describe('the minimum cut', () => {
  it('is the best of all predecessor-closed sets', () => {
    fc.assert(
      fc.property(costGraphs, weights, (graph, at) => {
        const heads = closedHeads(graph);
        const least = Math.min(...heads.map((head) => weighted(costOfCut(graph, head), at)));
        const cut = new MinCut(graph).solve(at);
        expect(heads.some((head) => head.size === cut.head.size && [...head].every((node) => cut.head.has(node)))).toBe(
          true,
        );
        expect(weighted(cut, at)).toBeLessThanOrEqual(least * (1 + 1e-9) + 1e-9);
      }),
      { numRuns: 400 },
    );
  });

  it('is the best prefix of a long chain', () => {
    const random = seeded(5);
    const wide = (): number => Math.exp(12 * (random() - 0.5));
    for (let run = 0; run < 60; run++) {
      const graph = chainNetwork(100, random);
      const at = { head: wide(), tail: wide(), up: wide() / 5_000, down: wide() / 5_000 };
      const least = Math.min(...scanPrefixes(graph).map((cost) => weighted(cost, at)));
      expect(weighted(new MinCut(graph).solve(at), at)).toBeLessThanOrEqual(least * (1 + 1e-9));
    }
  });

  it('is compared with local, which alone does not pay the fixed cost', () => {
    fc.assert(
      fc.property(costGraphs, fc.double({ min: 0, max: 100, noNaN: true }), (graph, fixedMs) => {
        const conditions = { d: 8, k: 1.5, uplink: 1_000, downlink: 3_000, fixedMs };
        const total = (head: ReadonlySet<number>): number =>
          weighted(costOfCut(graph, head), { head: 8, tail: 1.5, up: 1 / 1_000, down: 1 / 3_000 }) +
          (head.size < graph.nodes.length ? fixedMs : 0);
        const least = Math.min(...closedHeads(graph).map(total));
        expect(total(bestCut(new MinCut(graph), conditions).head)).toBeLessThanOrEqual(least + 1e-6);
      }),
    );
  });

  it('refuses costs that are none, and nodes out of order', () => {
    const node = { headMs: 1, tailMs: 1 };
    const tensor = { bytes: 1, producer: 1, readers: [0], isOutput: false };
    expect(() => new MinCut({ nodes: [node, node], tensors: [tensor] })).toThrow('node 0 reads tensor 0');
    expect(() => new MinCut({ nodes: [{ headMs: -1, tailMs: 1 }], tensors: [] })).toThrow('node 0 costs -1');
  });
});

describe('the prefix scan', () => {
  it('gives every prefix what it costs', () => {
    fc.assert(
      fc.property(costGraphs, (graph) => {
        for (const [prefix, cost] of scanPrefixes(graph).entries()) {
          const expected = costOfCut(graph, new Set(graph.nodes.slice(0, prefix).keys()));
          expect([cost.bytesUp, cost.bytesDown]).toEqual([expected.bytesUp, expected.bytesDown]);
          expect(cost.headMs).toBeCloseTo(expected.headMs, 6);
          expect(cost.tailMs).toBeCloseTo(expected.tailMs, 6);
        }
      }),
    );
  });
});
