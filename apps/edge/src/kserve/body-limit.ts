import { ProtocolError, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import type { Contract } from './contract.js';

/** Names, shapes and parameters beside the tensors. */
export const JSON_ALLOWANCE_BYTES = 64 * 1024;
/** A number as text, in lists that are written one number a line and indented. */
const MAX_ELEMENT_BYTES = 64;
/** JSON of a request at most; numbers beyond that are to come as binary data. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;

export interface BodyLimit {
  readonly maxBytes: number;
  /** What is said of a body beyond it. */
  tooLarge(): ProtocolError;
}

/**
 * How large a body may be, by the largest inputs of what is asked for.
 * @param jsonBytes what `Inference-Header-Content-Length` says
 * @param maxBytes of any body
 * @returns or why what `jsonBytes` says is too much
 */
export function bodyLimit(
  contracts: readonly Contract[],
  jsonBytes: number | undefined,
  maxBytes: number,
): BodyLimit | ProtocolError {
  const largest = (size: (info: TensorInfo) => number) =>
    Math.max(0, ...contracts.map(({ inputs }) => inputs.reduce((sum, info) => sum + size(info), 0)));
  const elements = largest(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  const maxJsonBytes = Math.min(MAX_JSON_BYTES, JSON_ALLOWANCE_BYTES + MAX_ELEMENT_BYTES * elements, maxBytes);
  const tooMuchJson = () =>
    new ProtocolError(
      'too_large',
      `at most ${maxJsonBytes} bytes of JSON are read for this model; send the tensors as binary data`,
    );
  if (jsonBytes === undefined) return { maxBytes: maxJsonBytes, tooLarge: tooMuchJson };
  if (jsonBytes > maxJsonBytes) return tooMuchJson();
  const most = Math.min(maxBytes, jsonBytes + largest(({ type, dims }) => tensorBytes(type, dims)));
  const tooLarge = () =>
    new ProtocolError('too_large', `at most ${most} bytes are read, inflated or not: the JSON and the model's inputs`);
  return { maxBytes: most, tooLarge };
}
