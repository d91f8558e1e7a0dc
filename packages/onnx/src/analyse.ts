import type { ElementType } from './element-type.js';
import type { Model } from './model.js';
import type { OnnxRuntime } from './runtime.js';

/** A tensor of a graph whose input dimensions are fixed. */
export interface TensorDescription {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly numBytes: number;
  /** `true` when the runtime cannot tell the dimensions without running: `dims` are those of one run. */
  readonly dynamic: boolean;
}

/** What one node costs. */
export interface NodeDescription {
  readonly name: string;
  readonly opType: string;
  /** Floating-point operations: a multiply-add counts as two. */
  readonly flops: number;
  /** Bytes of the activations that it reads and writes. */
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Bytes of the initialisers that it reads. */
  readonly weightBytes: number;
}

export interface Analysis {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  /** Inputs, intermediates and outputs by name; initialisers are not among them. */
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** What cannot cross a cut, by name, with the reason (`sequence`, `string tensor`, …). */
  readonly others: ReadonlyMap<string, string>;
  /** In the model's node order. */
  readonly nodes: readonly NodeDescription[];
}

export interface AnalyseOptions {
  /** Seed of the random input, for graphs whose shapes are known only after a run. */
  readonly seed?: number;
}

/**
 * Learns dimensions and type of every intermediate by opening the model with all of them exposed, and by one run
 * for those that the runtime cannot infer.
 *
 * @throws OnnxError `dynamic_dims` when an input dimension is not fixed, `runtime_failed`
 */
export declare function analyse(model: Model, runtime: OnnxRuntime, options?: AnalyseOptions): Promise<Analysis>;
