import {
  encodeTensors,
  type TensorBytes,
  type TensorData,
  type TensorHeader,
  tensorArray,
  tensorTypeSchema,
} from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-node';

/** By name, as onnxruntime takes and gives them. */
export type OrtTensors = Readonly<Record<string, Tensor>>;

export function feedsOf(tensors: readonly TensorBytes[]): OrtTensors {
  return Object.fromEntries(
    tensors.map(({ header: { name, type, dims }, bytes }) => [name, new Tensor(type, tensorArray(type, bytes), dims)]),
  );
}

/**
 * Gathers outputs into one payload, whose memory may be handed over to another thread.
 * @param part which of `of` equal parts of each output, along its first dimension
 * @throws Error when an output is not there, is of strings, or has no such parts
 */
export function collect(
  names: readonly string[],
  outputs: OrtTensors,
  { part, of } = { part: 0, of: 1 },
): { readonly tensors: TensorHeader[]; readonly payload: Uint8Array<ArrayBuffer> } {
  const encoded = encodeTensors(names.map((name) => partOf(name, outputs[name], part, of)));
  // onnxruntime's output memory cannot be transferred, so one copy gathers all outputs into memory that can.
  const payload = new Uint8Array(encoded.numBytes);
  let offset = 0;
  for (const bytes of encoded.parts) {
    payload.set(bytes, offset);
    offset += bytes.byteLength;
  }
  return { tensors: encoded.tensors, payload };
}

function partOf(name: string, tensor: Tensor | undefined, part: number, of: number): TensorData {
  if (tensor === undefined) throw new Error(`the tail has no output "${name}"`);
  const { type, dims, data } = tensor;
  if (Array.isArray(data)) throw new Error(`output "${name}" holds strings, which do not travel`);
  if (of === 1) return { name, type: tensorTypeSchema(type), dims: [...dims], data };
  const [first, ...rest] = dims;
  if (first !== of) throw new Error(`output "${name}" is [${dims.join(', ')}] for ${of} inputs`);
  const length = data.length / of;
  const own = data.subarray(part * length, (part + 1) * length);
  return { name, type: tensorTypeSchema(type), dims: [1, ...rest], data: own };
}

/**
 * The inputs of a batch: along the first dimension, or along one before it where the graph has that.
 * @param rankOf dimensions of an input of the graph for many
 */
export function stack(members: readonly OrtTensors[], rankOf: (name: string) => number | undefined): OrtTensors {
  const stacked: Record<string, Tensor> = {};
  for (const [name, { type, dims }] of Object.entries(members[0] ?? {})) {
    const parts = members.map((member) => bytesOf(name, member[name]));
    const bytes = new Uint8Array(Buffer.concat(parts));
    const own = rankOf(name) === dims.length ? dims.slice(1) : dims;
    const ofAll = tensorTypeSchema(type);
    stacked[name] = new Tensor(ofAll, tensorArray(ofAll, bytes), [members.length, ...own]);
  }
  return stacked;
}

function bytesOf(name: string, tensor: Tensor | undefined): Uint8Array {
  if (tensor === undefined || Array.isArray(tensor.data)) throw new Error(`input "${name}" is not in every request`);
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
