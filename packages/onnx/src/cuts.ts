import type { Analysis } from './analyse.js';
import { OnnxError } from './errors.js';
import { type GraphIndex, indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { PrefixSet } from './prefix-set.js';
import { expectedBytes } from './tensor-data.js';

/** One cut with what it moves and what each side has to do. Names are tensor names. */
export interface CutDescription {
  /** 0..n for prefix cuts of the stored order; the caller's number for others. */
  readonly id: number;
  /** Indexes of the nodes of the head. */
  readonly head: ReadonlySet<number>;
  /** What is sent up, in graph order; empty when the tail is empty. */
  readonly crossing: readonly string[];
  /** Graph outputs that the head already has, and those that the tail produces. */
  readonly headOutputs: readonly string[];
  readonly tailOutputs: readonly string[];
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly headFlops: number;
  readonly tailFlops: number;
  /** Bytes of the initialisers that each side reads; a shared one counts on both. */
  readonly headWeightBytes: number;
  readonly tailWeightBytes: number;
  /** The dimensions of something that travels depend on the data, see `TensorDescription.dynamic`. */
  readonly dynamic: boolean;
}

export interface CutList {
  /** Prefix cuts by id, equal ones merged; the local cut n is always there. */
  readonly cuts: readonly CutDescription[];
  /** Prefix cuts that cannot be run, with the reason. */
  readonly excluded: readonly { readonly id: number; readonly reason: string }[];
  /** Why no cut between 0 and n is there; `undefined` when there is one. */
  readonly unsplittable: string | undefined;
}

/** The names that a cut divides. */
export interface Boundary {
  readonly crossing: readonly string[];
  readonly headOutputs: readonly string[];
  readonly tailOutputs: readonly string[];
}

/**
 * Prefix cuts of the model's node order. Two cuts are equal when the same tensors cross and the head has the same
 * outputs: nodes between them have no effect. The one with the smaller head stays, but never in place of the local cut.
 */
export function listCuts(model: Model, analysis: Analysis): CutList {
  const index = indexOf(model);
  const last = index.nodes.length;
  const cuts: CutDescription[] = [];
  const excluded: { id: number; reason: string }[] = [];
  const seen = new Set<string>();
  const local = new PrefixSet(last);
  seen.add(keyOf(boundaryOf(index, local)));
  for (let id = 0; id < last; id++) {
    const head = new PrefixSet(id);
    const boundary = boundaryOf(index, head);
    const key = keyOf(boundary);
    if (seen.has(key) && id > 0) continue;
    seen.add(key);
    const reason = obstacle(boundary, analysis);
    if (reason === undefined) cuts.push(describe(index, analysis, head, id, boundary));
    else excluded.push({ id, reason });
  }
  cuts.push(describe(index, analysis, local, last, boundaryOf(index, local)));
  const splits = cuts.some(({ id }) => id > 0 && id < last);
  return { cuts, excluded, unsplittable: splits ? undefined : whyNot(last, excluded) };
}

/**
 * Describes any predecessor-closed set of nodes.
 *
 * @throws OnnxError `not_closed` naming the edge, `non_tensor_crossing` naming the value
 */
export function describeCut(model: Model, analysis: Analysis, head: ReadonlySet<number>, id: number): CutDescription {
  const index = indexOf(model);
  assertClosed(index, head);
  const boundary = boundaryOf(index, head);
  const reason = obstacle(boundary, analysis);
  if (reason !== undefined) throw new OnnxError('non_tensor_crossing', `The model cannot be cut there: ${reason}.`);
  return describe(index, analysis, head, id, boundary);
}

/** @throws OnnxError `not_closed` when a node of the head reads what a node of the tail writes */
export function assertClosed(index: GraphIndex, head: ReadonlySet<number>): void {
  for (const i of head) {
    const node = index.nodes[i];
    if (!node) throw new OnnxError('not_closed', `There is no node ${i}; the graph has ${index.nodes.length}.`);
    for (const name of index.reads[i] ?? []) {
      const from = index.producer.get(name);
      if (from === undefined || head.has(from)) continue;
      throw new OnnxError(
        'not_closed',
        `The head has node ${i} "${node.name}" (${node.opType}), which reads "${name}", but not node ${from} ` +
          `"${index.nodes[from]?.name}" (${index.nodes[from]?.opType}), which writes it. Add that node and what it reads.`,
      );
    }
  }
}

/** What crosses is what the tail reads and the head has: its own tensors and the graph's inputs. */
export function boundaryOf(index: GraphIndex, head: ReadonlySet<number>): Boundary {
  const isLocal = head.size === index.nodes.length;
  const inHead = (name: string): boolean => {
    const from = index.producer.get(name);
    // An output that is an input or an initialiser is there already, unless there is no head to return it.
    return from === undefined ? head.size > 0 || isLocal : head.has(from);
  };
  const outputs = [...index.outputs];
  const headOutputs = outputs.filter(inHead);
  const tailOutputs = outputs.filter((name) => !inHead(name));
  // Also where what is left has no effect.
  if (tailOutputs.length === 0) return { crossing: [], headOutputs, tailOutputs };
  const tailReads = (name: string): boolean =>
    index.readers.get(name)?.some((reader) => !head.has(reader)) === true ||
    (head.size === 0 && index.outputs.has(name));
  const crossing = [...index.inputs].filter(tailReads);
  for (const [i, node] of index.nodes.entries()) {
    if (head.has(i)) crossing.push(...node.output.filter((name) => name !== '' && tailReads(name)));
  }
  return { crossing, headOutputs, tailOutputs };
}

function keyOf({ crossing, headOutputs }: Boundary): string {
  return JSON.stringify([crossing, headOutputs]);
}

function obstacle({ crossing, tailOutputs }: Boundary, { others }: Analysis): string | undefined {
  const up = crossing.find((name) => others.has(name));
  if (up !== undefined) return `"${up}" would have to cross, and it is ${others.get(up)}`;
  const down = tailOutputs.find((name) => others.has(name));
  if (down !== undefined) return `the output "${down}" would have to come back, and it is ${others.get(down)}`;
  return undefined;
}

function whyNot(numNodes: number, excluded: CutList['excluded']): string {
  if (numNodes < 2) return `the graph has ${numNodes === 0 ? 'no nodes' : 'one node'}`;
  const reasons = [...new Set(excluded.map(({ reason }) => reason))];
  if (reasons.length === 0) return 'no node has an effect on the outputs before the last';
  return reasons.slice(0, 3).join('; ') + (reasons.length > 3 ? `; and ${reasons.length - 3} more reasons` : '');
}

function describe(
  index: GraphIndex,
  analysis: Analysis,
  head: ReadonlySet<number>,
  id: number,
  boundary: Boundary,
): CutDescription {
  const headWeights = new Set<string>();
  const tailWeights = new Set<string>();
  let headFlops = 0;
  let tailFlops = 0;
  for (const [i, names] of index.reads.entries()) {
    const flops = analysis.nodes[i]?.flops ?? 0;
    if (head.has(i)) headFlops += flops;
    else tailFlops += flops;
    const weights = head.has(i) ? headWeights : tailWeights;
    for (const name of names) if (index.initializers.has(name)) weights.add(name);
  }
  const bytes = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + (analysis.tensors.get(name)?.numBytes ?? 0), 0);
  const weightBytes = (names: ReadonlySet<string>): number => {
    let total = 0;
    for (const name of names) {
      const tensor = index.initializers.get(name);
      if (tensor) total += expectedBytes(tensor);
    }
    return total;
  };
  return {
    id,
    head,
    ...boundary,
    bytesUp: bytes(boundary.crossing),
    bytesDown: bytes(boundary.tailOutputs),
    headFlops,
    tailFlops,
    headWeightBytes: weightBytes(headWeights),
    tailWeightBytes: weightBytes(tailWeights),
    dynamic: [...boundary.crossing, ...boundary.tailOutputs].some(
      (name) => analysis.tensors.get(name)?.dynamic === true,
    ),
  };
}
