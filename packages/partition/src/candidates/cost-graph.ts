import { PartitionError } from '../errors.js';

/** What one node costs on each side, in ms at d = 1 and k = 1. */
export interface CostNode {
  readonly headMs: number;
  readonly tailMs: number;
}

/** Something that may travel. Weights are on both sides and are no tensors of this graph. */
export interface CostTensor {
  readonly bytes: number;
  /** Index of the node that writes it; `null` for an input of the graph. */
  readonly producer: number | null;
  /** Indexes of the nodes that read it. */
  readonly readers: readonly number[];
  /** An output of the graph: it comes back when the tail has written it. */
  readonly isOutput: boolean;
}

/**
 * A network with additive costs: a head costs the sum of its nodes' `headMs`, a tail the sum of `tailMs`. Real ones do not
 * add up exactly (fusions, launch overhead), which is why this proposes cuts and does not decide.
 */
export interface CostGraph {
  /** In topological order: a tensor's producer stands before all its readers. */
  readonly nodes: readonly CostNode[];
  readonly tensors: readonly CostTensor[];
}

/** What a cut costs before conditions are known. */
export interface CutCost {
  readonly headMs: number;
  readonly tailMs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** What a unit of each part of a {@link CutCost} costs: d, k, 1/uplink and 1/downlink, or any multiple of the four. */
export interface CutWeights {
  readonly head: number;
  readonly tail: number;
  readonly up: number;
  readonly down: number;
}

/** @throws PartitionError `invalid_graph` */
export function assertCostGraph({ nodes, tensors }: CostGraph): void {
  for (const [index, { headMs, tailMs }] of nodes.entries()) {
    if (isCost(headMs) && isCost(tailMs)) continue;
    throw invalidGraph(`node ${index} costs ${headMs} and ${tailMs} ms`);
  }
  for (const [index, { bytes, producer, readers }] of tensors.entries()) {
    if (!isCost(bytes)) throw invalidGraph(`tensor ${index} has ${bytes} bytes`);
    for (const node of producer === null ? readers : [producer, ...readers]) {
      if (nodes[node] === undefined) throw invalidGraph(`tensor ${index} names node ${node}`);
    }
    const early = readers.find((reader) => producer !== null && reader <= producer);
    if (early === undefined) continue;
    throw invalidGraph(`node ${early} reads tensor ${index}, which node ${producer} writes later`);
  }
}

function isCost(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}

/**
 * The cost of one cut. A crossing tensor with several readers in the tail goes up once; so does an input of the graph that
 * any node of the tail reads. Outputs that the tail writes come down; an input that is also an output never does.
 *
 * @param head closed under predecessors
 */
export function costOfCut({ nodes, tensors }: CostGraph, head: ReadonlySet<number>): CutCost {
  let [headMs, tailMs, bytesUp, bytesDown] = [0, 0, 0, 0];
  for (const [index, node] of nodes.entries()) {
    if (head.has(index)) headMs += node.headMs;
    else tailMs += node.tailMs;
  }
  for (const { bytes, producer, readers, isOutput } of tensors) {
    const isHere = producer === null || head.has(producer);
    if (isHere && readers.some((reader) => !head.has(reader))) bytesUp += bytes;
    if (!isHere && isOutput) bytesDown += bytes;
  }
  return { headMs, tailMs, bytesUp, bytesDown };
}

export function weighted(
  { headMs, tailMs, bytesUp, bytesDown }: CutCost,
  { head, tail, up, down }: CutWeights,
): number {
  return head * headMs + tail * tailMs + up * bytesUp + down * bytesDown;
}

function invalidGraph(what: string): PartitionError {
  const message = `Costs must be finite and not negative, and nodes in topological order: ${what}.`;
  return new PartitionError('invalid_graph', message);
}
