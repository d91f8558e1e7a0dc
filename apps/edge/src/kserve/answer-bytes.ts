import { ProtocolError, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import type { WantedOutput } from './infer-request.js';

/** Elements that an answer gives as JSON at most. */
const MAX_JSON_ELEMENTS = 1024 * 1024;
/** What one of them takes as text, about. */
const JSON_ELEMENT_BYTES = 24;

/**
 * Memory that the answer will take, about.
 * @throws ProtocolError `too_large` when it is too long to be JSON
 */
export function answerBytes(wanted: readonly WantedOutput[], outputs: readonly TensorInfo[]): number {
  let numBytes = 0;
  let elements = 0;
  for (const { name, isBinary } of wanted) {
    const info = outputs.find((output) => output.name === name);
    if (info === undefined) continue;
    if (isBinary) numBytes += tensorBytes(info.type, info.dims);
    else elements += info.dims.reduce((product, dim) => product * dim, 1);
  }
  if (elements <= MAX_JSON_ELEMENTS) return numBytes + elements * JSON_ELEMENT_BYTES;
  throw new ProtocolError(
    'too_large',
    `the outputs have ${elements} elements, at most ${MAX_JSON_ELEMENTS} are given as JSON; ask for them as binary data`,
  );
}
