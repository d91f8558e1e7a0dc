import type { ModelProto } from 'onnx-buf';

/**
 * A decoded ONNX model. Weights are views over the bytes that it was decoded from, so those bytes must not change
 * while the model lives. No function of this package changes a model that it is given.
 */
export type Model = ModelProto;

/** Provides the bytes of a file that a model names for its weights; `undefined` when there is no such file. */
export type ExternalDataResolver = (location: string) => Uint8Array | undefined;

export interface DecodeOptions {
  /** Asked for each file of external data. Without it, a model with external data is refused. */
  readonly externalData?: ExternalDataResolver;
}

/**
 * @throws OnnxError `not_onnx`, `truncated`, `missing_external_data`, `invalid_graph`
 */
export declare function decodeModel(bytes: Uint8Array, options?: DecodeOptions): Model;

/** Weights that are external data stay so; all others are copied once, into the result. */
export declare function encodeModel(model: Model): Uint8Array;
