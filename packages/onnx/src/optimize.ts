import type { Model } from './model.js';
import type { OnnxRuntime } from './runtime.js';

export interface OptimizedModel {
  readonly model: Model;
  /** Why the runtime's optimisation was not used (the graph is the given one, cleaned); `undefined` when it was. */
  readonly skipped: string | undefined;
}

/**
 * The model after `basic` optimisation: constants folded, `Identity` gone, initialisers no longer inputs, nodes in
 * topological order, no stale shapes. fp16 models come back without the casts that a save through the CPU provider adds.
 * Fix dimensions before: what is fixed can be folded.
 */
export declare function optimizeModel(model: Model, runtime: OnnxRuntime): Promise<OptimizedModel>;
