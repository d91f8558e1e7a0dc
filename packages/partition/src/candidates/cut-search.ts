import { BlockCuts } from './block-cuts.js';
import { type Block, blocksOf } from './blocks.js';
import { BoundedHeads } from './bounded-heads.js';
import { type CutCost, type CutWeights, weighted } from './cost-graph.js';
import { localCut, type MinCut } from './min-cut.js';

/** So many cuts of one block are listed at most: looking through more takes longer than a flow. */
const MAX_LISTED_OF_BLOCK = 1_000;
const PARTS = 4;

/** A cut whose head is put together when it is asked for. */
export interface FoundCut {
  readonly cost: CutCost;
  head(): ReadonlySet<number>;
}

/**
 * Finds the cheapest of all cuts for one direction after another. Between two gates of a network ({@link blocksOf}) there are
 * mostly so few cuts that listing them once and looking through the list is hundreds of times as fast as a minimum cut;
 * what has more is left to {@link MinCut}, within bounds that grow narrower with each answer.
 */
export class CutSearch {
  readonly #minCut: MinCut;
  readonly #local: FoundCut;
  readonly #listed: readonly FoundCut[];
  /** Of each listed cut its `PARTS` costs. */
  readonly #costs: Float64Array;
  /** What is known of the heads from the first block that is not listed to the last. */
  readonly #solved: BoundedHeads | undefined;

  /** @param maxListed most cuts that are listed */
  constructor(minCut: MinCut, maxListed: number) {
    this.#minCut = minCut;
    const { head, ...localCost } = localCut(minCut.graph);
    this.#local = { cost: localCost, head: () => head };
    const cuts = new BlockCuts(minCut.graph);
    const listed: FoundCut[] = [];
    let wide: Block | undefined;
    for (const block of blocksOf(minCut.graph)) {
      const few = cuts.list(block, Math.min(MAX_LISTED_OF_BLOCK, maxListed - listed.length));
      if (few === undefined) wide = { from: wide?.from ?? block.from, to: block.to };
      else for (const cut of few) listed.push({ cost: cut, head: () => headOf(block, cut.inHead) });
    }
    this.#listed = listed;
    // One flow for all: listed blocks that lie in between do no harm, and every flow has to look at the whole graph.
    this.#solved = wide && new BoundedHeads(wide);
    this.#costs = new Float64Array(PARTS * listed.length);
    for (const [index, { cost }] of listed.entries()) {
      this.#costs.set([cost.headMs, cost.tailMs, cost.bytesUp, cost.bytesDown], PARTS * index);
    }
  }

  cheapest(weights: CutWeights): FoundCut {
    const listed = this.#cheapestListed(weights) ?? this.#local;
    if (this.#solved === undefined) return listed;
    const { head, ...cost } = this.#minCut.solve(weights, this.#solved.boundsAt(weights));
    this.#solved.add(weights, head);
    return weighted(cost, weights) < weighted(listed.cost, weights) ? { cost, head: () => head } : listed;
  }

  #cheapestListed({ head, tail, up, down }: CutWeights): FoundCut | undefined {
    const costs = this.#costs;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < costs.length; at += PARTS) {
      const cost =
        head * (costs[at] ?? 0) + tail * (costs[at + 1] ?? 0) + up * (costs[at + 2] ?? 0) + down * (costs[at + 3] ?? 0);
      if (cost >= least) continue;
      least = cost;
      best = at / PARTS;
    }
    return this.#listed[best];
  }
}

function headOf({ from }: Block, inHead: Uint8Array): ReadonlySet<number> {
  const head = new Set(new Array<undefined>(from).keys());
  for (const [index, isIn] of inHead.entries()) if (isIn === 1) head.add(from + index);
  return head;
}
