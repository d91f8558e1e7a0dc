import type { Analysis } from './analyse.js';
import type { Model } from './model.js';

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
  /** A crossing tensor's dimensions depend on the data ({@link TensorDescription.dynamic}). */
  readonly dynamic: boolean;
}

export interface CutList {
  /** Prefix cuts by id, equal ones merged; cut 0 and cut n are always there. */
  readonly cuts: readonly CutDescription[];
  /** Prefix cuts that cannot be run, with the reason. */
  readonly excluded: readonly { readonly id: number; readonly reason: string }[];
  /** Why no cut between 0 and n is there; `undefined` when there is one. */
  readonly unsplittable: string | undefined;
}

export declare function listCuts(model: Model, analysis: Analysis): CutList;

/**
 * Describes any predecessor-closed set of nodes.
 *
 * @throws OnnxError `not_closed` naming the edge, `non_tensor_crossing` naming the value
 */
export declare function describeCut(
  model: Model,
  analysis: Analysis,
  head: ReadonlySet<number>,
  id: number,
): CutDescription;

/** Head and tail; `null` for an empty one. Each is a whole model whose weights are where the model's are. */
export interface Parts {
  readonly head: Model | null;
  readonly tail: Model | null;
}

/**
 * Cuts a model in two. The tail's inputs are the crossing tensors; the head's outputs are those it must send and the
 * graph outputs that it already has. When the head is empty the tail has every output, also those that are inputs or
 * initialisers.
 *
 * @throws OnnxError `not_closed`, `non_tensor_crossing`
 */
export declare function extract(model: Model, analysis: Analysis, head: ReadonlySet<number>): Parts;
