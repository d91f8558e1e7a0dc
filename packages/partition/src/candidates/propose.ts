import { type CostGraph, type CutCost, type CutWeights, weighted } from './cost-graph.js';
import { lowerHull } from './hull.js';
import { type CostedCut, MinCut } from './min-cut.js';
import { type ParametricOptions, parametricCuts } from './parametric.js';
import { scanPrefixes } from './prefix-scan.js';

export interface ProposeOptions extends ParametricOptions {
  /** Most cuts that are proposed. */
  readonly maxCuts: number;
}

export const DEFAULT_PROPOSE_OPTIONS: ProposeOptions = Object.freeze({
  maxCuts: 48,
  maxSolves: 400,
  maxListedCuts: 20_000,
});

/** A cut that is worth timing. */
export interface ProposedCut extends CostedCut {
  /** Number of nodes, where the head is a prefix of the stored order. */
  readonly prefix?: number;
}

/**
 * The cuts that are the cheapest for some conditions, under additive costs: those of the parametric minimum cut and the
 * prefixes on the hull of LoADPart's scan. Full offload and local are always among them. When they are more than
 * `maxCuts`, those that others replace at the least loss over many conditions go; without that and within `maxSolves`, no
 * cut of the graph is cheaper than all proposed ones under any conditions.
 *
 * @throws PartitionError `invalid_graph`
 */
export function proposeCuts(graph: CostGraph, options: Partial<ProposeOptions> = {}): ProposedCut[] {
  const { maxCuts, ...limits } = { ...DEFAULT_PROPOSE_OPTIONS, ...options };
  const found = new Map<string, ProposedCut>();
  const propose = (cut: CostedCut): void => {
    const prefix = prefixOf(cut.head);
    const key = prefix === undefined ? [...cut.head].join() : `prefix ${prefix}`;
    if (!found.has(key)) found.set(key, prefix === undefined ? cut : { ...cut, prefix });
  };
  const prefixes = scanPrefixes(graph);
  const offer = (prefix: number): void => {
    const cost = prefixes[prefix];
    if (cost !== undefined) propose({ head: new Set(graph.nodes.slice(0, prefix).keys()), ...cost });
  };
  offer(0);
  offer(graph.nodes.length);
  for (const cut of parametricCuts(new MinCut(graph), limits).cuts) propose(cut);
  const hull = lowerHull(prefixes.map(partsOf)).winners;
  const best = [...found.values()];
  if (best.length < maxCuts) for (const prefix of hull) offer(prefix);
  const all = [...found.values()];
  return all.length <= maxCuts ? all : mostUseful(all, maxCuts);
}

function partsOf({ headMs, tailMs, bytesUp, bytesDown }: CutCost): readonly number[] {
  return [headMs, tailMs, bytesUp, bytesDown];
}

/** Heads are stored ascending, so the last tells. */
function prefixOf(head: ReadonlySet<number>): number | undefined {
  let index = 0;
  for (const node of head) if (node !== index++) return undefined;
  return head.size;
}

/** Conditions to compare cuts by: links of 0.5 to 512 Mbit/s, both ways alike, and a device 1 to 1,000 times as slow as the edge. */
function* usualWeights(): Generator<CutWeights> {
  for (let megabits = 0.5; megabits <= 512; megabits *= 2) {
    const rate = 1 / (megabits * 125);
    for (let d = 1; d <= 1_000; d *= 2) yield { head: d, tail: 1, up: rate, down: rate };
  }
}

/** The first two, and then again and again the one without which the loss over the usual conditions would be largest. */
function mostUseful(cuts: readonly ProposedCut[], count: number): ProposedCut[] {
  const conditions = [...usualWeights()];
  const costs = cuts.map((cut) => conditions.map((weights) => weighted(cut, weights)));
  const costOf = (cut: number, condition: number): number => costs[cut]?.[condition] ?? Number.POSITIVE_INFINITY;
  const chosen = [0, 1];
  const least = conditions.map((_, condition) => Math.min(costOf(0, condition), costOf(1, condition)));
  while (chosen.length < count) {
    let best = -1;
    let most = -1;
    for (const cut of cuts.keys()) {
      if (chosen.includes(cut)) continue;
      const saved = least.reduce((sum, ms, condition) => sum + Math.max(0, 1 - costOf(cut, condition) / ms), 0);
      if (saved <= most) continue;
      most = saved;
      best = cut;
    }
    chosen.push(best);
    for (const condition of conditions.keys()) {
      least[condition] = Math.min(least[condition] ?? 0, costOf(best, condition));
    }
  }
  return chosen.sort((a, b) => a - b).flatMap((cut) => cuts[cut] ?? []);
}
