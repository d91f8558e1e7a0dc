import type { CutCost, CutWeights } from './cost-graph.js';
import { CutSearch } from './cut-search.js';
import { LowerEnvelope } from './envelope.js';
import { type CostedCut, localCut, type MinCut } from './min-cut.js';

/** A cut must be cheaper than all known ones by this share of the largest cost to count as another one. */
const CHEAPER = 1e-11;

export interface ParametricOptions {
  /** Most directions for which the cheapest cut is sought. */
  readonly maxSolves: number;
  /** Most cuts that are listed and looked through in place of computing minimum cuts, see {@link CutSearch}. */
  readonly maxListedCuts: number;
}

export interface ParametricCuts {
  /** The local cut first. Each of them is the cheapest for some weights, or ties there. */
  readonly cuts: readonly CostedCut[];
  readonly solves: number;
  /** Proven: for no non-negative weights is any cut cheaper than the cheapest of these. */
  readonly isComplete: boolean;
}

/**
 * The cuts of a graph that are cheapest under some conditions, over all directions of (d, k, 1/uplink, 1/downlink) at once.
 *
 * The cost of the cheapest cut is a concave function of the four weights, linear between its vertices. From the envelope of
 * the cuts found so far, the cheapest cut is sought at every vertex; one that lies below it joins the envelope, and when no
 * vertex yields another, none exists anywhere. In one dimension that is Eisner and Severance's method (JACM 1976): two
 * solutions, their intersection, a solution there.
 */
export function parametricCuts(minCut: MinCut, { maxSolves, maxListedCuts }: ParametricOptions): ParametricCuts {
  const local = localCut(minCut.graph);
  const axes = axesOf(minCut);
  const cuts: CostedCut[] = [local];
  const envelope = new LowerEnvelope(
    axes.map(({ of }) => of(local)),
    maxSolves + 1,
  );
  const proven = new Set<object>();
  const search = new CutSearch(minCut, maxListedCuts);
  let solves = 0;
  for (;;) {
    const open = envelope.vertices.filter((vertex) => !proven.has(vertex));
    if (open.length === 0) return { cuts, solves, isComplete: true };
    for (const vertex of open) {
      if (solves >= maxSolves) return { cuts, solves, isComplete: false };
      const { cost, head } = search.cheapest(weightsAt(axes, vertex.weights));
      solves++;
      const point = axes.map(({ of }) => of(cost));
      const value = point.reduce((sum, part, axis) => sum + part * (vertex.weights[axis] ?? 0), 0);
      if (value >= vertex.value - CHEAPER) {
        proven.add(vertex);
        continue;
      }
      const { headMs, tailMs, bytesUp, bytesDown } = cost;
      cuts.push({ head: head(), headMs, tailMs, bytesUp, bytesDown });
      envelope.add(point);
      // Vertices changed: those that went away need no proof.
      break;
    }
  }
}

/** One direction of the search: parts of a cost that have one weight, scaled so that the largest is 1. */
interface Axis {
  of(cost: CutCost): number;
  /** What a weight of 1 along this axis means. */
  readonly weights: CutWeights;
}

const NOTHING: CutWeights = Object.freeze({ head: 0, tail: 0, up: 0, down: 0 });

/**
 * Where tails take a fixed multiple of the time of heads, d·head + k·tail has one parameter, d - k·multiple: with it at most
 * 0 nothing beats the local cut, so the tail's axis can go and the search loses a dimension.
 */
function axesOf({ graph }: MinCut): readonly Axis[] {
  const totals = graph.nodes.reduce(
    (sum, { headMs, tailMs }) => ({ head: sum.head + headMs, tail: sum.tail + tailMs }),
    { head: 0, tail: 0 },
  );
  const bytesDown = graph.tensors.reduce((sum, { bytes, isOutput }) => sum + (isOutput ? bytes : 0), 0);
  const bytesUp = graph.tensors.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const scale = (value: number): number => (value > 0 ? 1 / value : 1);
  const [head, tail, up, down] = [scale(totals.head), scale(totals.tail), scale(bytesUp), scale(bytesDown)];
  const axes: Axis[] = [
    { of: ({ headMs }) => headMs * head, weights: { ...NOTHING, head } },
    { of: (cost) => cost.bytesUp * up, weights: { ...NOTHING, up } },
    { of: (cost) => cost.bytesDown * down, weights: { ...NOTHING, down } },
  ];
  const isFixedMultiple = graph.nodes.every(
    ({ headMs, tailMs }) => Math.abs(headMs * totals.tail - tailMs * totals.head) <= 1e-12 * totals.head * totals.tail,
  );
  if (!isFixedMultiple) axes.push({ of: ({ tailMs }) => tailMs * tail, weights: { ...NOTHING, tail } });
  return axes;
}

function weightsAt(axes: readonly Axis[], along: Float64Array): CutWeights {
  const sum = { ...NOTHING };
  for (const [index, { weights }] of axes.entries()) {
    const length = along[index] ?? 0;
    sum.head += length * weights.head;
    sum.tail += length * weights.tail;
    sum.up += length * weights.up;
    sum.down += length * weights.down;
  }
  return sum;
}
