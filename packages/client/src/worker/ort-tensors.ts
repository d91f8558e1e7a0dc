import { type TensorType, tensorArray } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import type { Ort } from './import-ort.js';
import type { TensorMessage } from './messages.js';

export function toTensor(ort: Ort, { type, dims, bytes }: Omit<TensorMessage, 'name'>): Tensor {
  // The constructor has one overload a type; the array is the one that belongs to `type`.
  return new ort.Tensor(type as 'float32', tensorArray(type, bytes) as Float32Array, [...dims]);
}

/** Reads a tensor back from wherever it is; it still has to be disposed of. */
export async function fromTensor(name: string, tensor: Tensor): Promise<TensorMessage> {
  const data = await tensor.getData();
  if (Array.isArray(data)) throw new Error(`output ${name} holds strings, which cannot travel`);
  // Copied out of the wasm heap, so that its buffer can be handed to the page.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { name, type: tensor.type as TensorType, dims: [...tensor.dims], bytes };
}
