import type { Model } from './model.js';

/** A block of weights, named by the sha256 of its bytes. */
export interface WeightPack {
  readonly sha256: string;
  readonly numBytes: number;
}

export interface PackBuilderOptions {
  /** Lower-case hex. Injected, because a hash in plain JavaScript takes seconds for hundreds of megabytes. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** Takes each pack once, as soon as it is complete. `chunks` are its bytes in order, views over the model. */
  readonly write: (pack: WeightPack, bytes: Uint8Array) => void;
}

/** Collects the weights of several variants of one model into content-addressed packs; no tensor is stored twice. */
export declare class PackBuilder {
  constructor(options: PackBuilderOptions);
  /** All packs so far, in graph order of the first model, then of the next. */
  get packs(): readonly WeightPack[];
  /** The model with its weights as external data in packs; integers up to 1 KiB and tiny floats stay inline. */
  add(model: Model): Model;
}

/** sha256 of the packs that a model's weights are in, in order of first use. */
export declare function packsOf(model: Model): readonly string[];
