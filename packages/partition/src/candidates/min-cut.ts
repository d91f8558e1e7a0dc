import { assertCostGraph, type CostGraph, type CutCost, type CutWeights, costOfCut, weighted } from './cost-graph.js';
import { FlowDraft } from './flow-draft.js';

/** A cut with its additive cost. */
export interface CostedCut extends CutCost {
  /** Closed under predecessors. */
  readonly head: ReadonlySet<number>;
}

/** Heads that the one sought contains, and is contained in. */
export interface Bounds {
  readonly least: ReadonlySet<number>;
  readonly most: ReadonlySet<number>;
}

/** What holds when {@link bestCut} is asked for; rates in bytes per ms. */
export interface CutConditions {
  readonly d: number;
  readonly k: number;
  readonly uplink: number;
  readonly downlink: number;
  /** Paid by every cut that uses the edge: fixed cost and queue delay, in ms. */
  readonly fixedMs: number;
}

/**
 * Finds the best of all cuts of one graph under additive costs, as a minimum s-t cut; the head is the source's side. That a
 * best partition of a DAG is a minimum cut is DADS's finding (Hu et al., INFOCOM 2019, section IV); the arcs are ours:
 *
 * - a node in the tail pays its arc from the source: k·tail, and what its outputs take to come down;
 * - a node in the head pays its arc to the sink: d·head;
 * - a tensor with one reader is an arc from producer to reader; one with several, or an input of the graph with several,
 *   is a vertex of its own: an arc from the producer (of an input: from the source) that pays the upload once, and arcs to
 *   its readers that are never cut;
 * - arcs from readers to producers that are never cut keep the head closed under predecessors.
 */
export class MinCut {
  readonly graph: CostGraph;
  /** Readers of each tensor, each once. */
  readonly #readers: readonly (readonly number[])[];
  readonly #bytesDown: Float64Array;

  /** @throws PartitionError `invalid_graph` */
  constructor(graph: CostGraph) {
    assertCostGraph(graph);
    this.graph = graph;
    this.#readers = graph.tensors.map(({ readers }) => [...new Set(readers)]);
    this.#bytesDown = new Float64Array(graph.nodes.length);
    for (const { bytes, producer, isOutput } of graph.tensors) {
      if (isOutput && producer !== null) this.#bytesDown[producer] = (this.#bytesDown[producer] ?? 0) + bytes;
    }
  }

  /**
   * The cheapest cut for these weights; of several the one with the largest head. The local cut is one of all.
   *
   * @param between what is known of the head already: only nodes in between are decided
   */
  solve(weights: CutWeights, between?: Bounds): CostedCut {
    const { nodes } = this.graph;
    const sides = new Int32Array(nodes.length);
    let numVertices = 0;
    for (let node = 0; node < nodes.length; node++) {
      if (between?.least.has(node)) sides[node] = HEAD;
      else sides[node] = between?.most.has(node) === false ? TAIL : numVertices++;
    }
    const isTail = this.#draft(weights, sides, numVertices).solve();
    const head = new Set<number>();
    for (const [node, side] of sides.entries()) if (side === HEAD || isTail[side] === 0) head.add(node);
    return { head, ...costOfCut(this.graph, head) };
  }

  #draft({ head, tail, up, down }: CutWeights, sides: Int32Array, numNodes: number): FlowDraft {
    const draft = new FlowDraft(numNodes);
    for (const [node, { headMs, tailMs }] of this.graph.nodes.entries()) {
      const vertex = sides[node] ?? TAIL;
      if (vertex < 0) continue;
      draft.fromSource(vertex, tail * tailMs + down * (this.#bytesDown[node] ?? 0));
      draft.toSink(vertex, head * headMs);
    }
    for (const [tensor, { bytes, producer }] of this.graph.tensors.entries()) {
      const from = producer === null ? HEAD : (sides[producer] ?? TAIL);
      if (from === TAIL) continue;
      const readers = this.#readers[tensor] ?? [];
      const undecided = readers.flatMap((reader) => ((sides[reader] ?? TAIL) < 0 ? [] : [sides[reader] ?? TAIL]));
      if (from !== HEAD) for (const reader of undecided) draft.neverCut(reader, from);
      const cost = up * bytes;
      const isRead = readers.some((reader) => sides[reader] === TAIL);
      if (isRead && from !== HEAD) draft.toSink(from, cost);
      const [only] = undecided;
      if (isRead || only === undefined) continue;
      const payer = undecided.length === 1 ? only : draft.vertex();
      if (payer !== only) for (const reader of undecided) draft.neverCut(payer, reader);
      if (from === HEAD) draft.fromSource(payer, cost);
      else draft.edge(from, payer, cost);
    }
    return draft;
  }
}

/** Sides of nodes that are decided; an undecided one has the number of its vertex. */
const HEAD = -1;
const TAIL = -2;

/**
 * The best of all cuts for given conditions. The fixed cost is paid by every cut but the local one, which no arc can say: so
 * the best cut by the other costs is compared with the local one afterwards. (Where that best cut is the local one, no
 * other can win by paying more.)
 */
export function bestCut(minCut: MinCut, { d, k, uplink, downlink, fixedMs }: CutConditions): CostedCut {
  const weights: CutWeights = { head: d, tail: k, up: 1 / uplink, down: 1 / downlink };
  const local = localCut(minCut.graph);
  const best = minCut.solve(weights);
  return weighted(best, weights) + fixedMs < weighted(local, weights) ? best : local;
}

export function localCut(graph: CostGraph): CostedCut {
  const head = new Set(graph.nodes.keys());
  return { head, ...costOfCut(graph, head) };
}
