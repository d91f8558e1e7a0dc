import { splitPayload, type TensorHeader } from '@cutpoint/protocol';
import { DATATYPES } from './datatypes.js';
import type { WantedOutput } from './infer-request.js';
import { valuesAsJson } from './json-values.js';

export interface Answered {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id?: string;
  readonly outputs: readonly WantedOutput[];
  /** What came out, in the order of `outputs`. */
  readonly tensors: readonly TensorHeader[];
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface InferResponse {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where the JSON ends and binary data begins; `undefined` when all of it is JSON. */
  readonly jsonBytes?: number;
}

/**
 * Writes the answer to an inference request.
 * @throws ProtocolError `bad_tensors` when an output is to be JSON and holds what JSON cannot say
 */
export function writeInferResponse(answered: Answered): InferResponse {
  const { modelName, modelVersion, id, outputs, tensors, payload } = answered;
  const written: string[] = [];
  const binary: Uint8Array[] = [];
  for (const [index, { header, bytes }] of splitPayload(tensors, payload).entries()) {
    const { name, type, dims } = header;
    const about = JSON.stringify({ name, datatype: DATATYPES[type], shape: dims }).slice(0, -1);
    if (outputs[index]?.isBinary) {
      binary.push(bytes);
      written.push(`${about},"parameters":{"binary_data_size":${bytes.byteLength}}}`);
    } else {
      written.push(`${about},"data":${valuesAsJson(header, bytes)}}`);
    }
  }
  const about = JSON.stringify({ id, model_name: modelName, model_version: modelVersion }).slice(0, -1);
  const json = Buffer.from(`${about},"outputs":[${written.join(',')}]}`);
  return binary.length === 0
    ? { body: new Uint8Array(json) }
    : { body: new Uint8Array(Buffer.concat([json, ...binary])), jsonBytes: json.byteLength };
}
