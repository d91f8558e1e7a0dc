/** What went wrong, in a form that programs can rely on. */
export type OnnxErrorCode =
  /** The bytes are not an ONNX model. */
  | 'not_onnx'
  /** The file ends early, or a tensor holds fewer bytes than its shape needs. */
  | 'truncated'
  /** Weights in a file beside the model that nobody could provide. */
  | 'missing_external_data'
  /** A graph that no runtime would accept: cycles, names without a producer, names written twice. */
  | 'invalid_graph'
  /** An operator set version or element type that this package cannot write or split. */
  | 'unsupported'
  /** An input has dimensions without a number; `fixDims` gives them one. */
  | 'dynamic_dims'
  /** Dimensions that contradict the graph. */
  | 'dims_mismatch'
  /** A name that is no input or output of the graph. */
  | 'unknown_name'
  /** A node set that is not closed under predecessors. */
  | 'not_closed'
  /** Something other than a tensor of numbers would have to cross the cut. */
  | 'non_tensor_crossing'
  /** The runtime refused the model or failed while running it. */
  | 'runtime_failed';

/** The one error class of `@cutpoint/onnx`. `message` says what to do about it. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';

  constructor(
    readonly code: OnnxErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
