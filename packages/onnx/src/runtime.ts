import type { ElementType } from './element-type.js';

/** The part of onnxruntime that this package needs. It is injected, because the package does no I/O. */
export interface OnnxRuntime {
  /** `basic` graph optimisation; the optimised model, weights inline. */
  optimize(model: Uint8Array): Promise<Uint8Array>;
  /**
   * Opens a model. External data named in it is found by bare file name where the host keeps its packs.
   *
   * @param options.purpose `inspect`: no graph optimisation, quick to create, for metadata and a single run.
   *   `run` (the default): as a model is served.
   */
  open(model: Uint8Array, options?: { readonly purpose?: 'inspect' | 'run' }): Promise<RuntimeSession>;
}

/** One opened model. The one who opened it releases it. */
export interface RuntimeSession {
  readonly inputs: readonly RuntimeValue[];
  readonly outputs: readonly RuntimeValue[];
  /** @param fetches output names; all outputs when left out. */
  run(feeds: RuntimeTensors, fetches?: readonly string[]): Promise<RuntimeTensors>;
  release(): Promise<void>;
}

/** An input or output as the runtime declares it. A dimension that it does not know is not a number. */
export interface RuntimeValue {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type: string;
  readonly dims: readonly (number | string)[];
}

/** A tensor as raw little-endian bytes; strings have none and appear as `strings`. */
export interface RuntimeTensor {
  readonly type: ElementType | 'string';
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
  readonly strings?: readonly string[];
}

export type RuntimeTensors = Readonly<Record<string, RuntimeTensor>>;
