import type { TensorType } from './manifest.js';

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<TensorType, number>> = {
  float32: 4,
  float16: 2,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

/** Raw bytes of a tensor of this type and shape; a scalar has the shape `[]`. */
export function tensorBytes(type: TensorType, dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, ELEMENT_BYTES[type]);
}

export type TensorArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

type TensorArrayConstructor = new (buffer: ArrayBuffer, byteOffset: number, length: number) => TensorArray;

const ARRAYS: Readonly<Record<TensorType, TensorArrayConstructor>> = {
  float32: Float32Array,
  // onnxruntime wants a Float16Array where the language has one, and the raw halves where it has not. The cast is
  // because the language level here does not know the type; its constructor and memory are those of a Uint16Array.
  float16: (globalThis as { Float16Array?: typeof Uint16Array }).Float16Array ?? Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** The same bytes where a typed array can be laid over them, else a copy. */
export function aligned(type: TensorType, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteOffset % ELEMENT_BYTES[type] === 0 ? bytes : bytes.slice();
}

/** Lays the typed array that onnxruntime wants for `type` over the bytes, or over a copy where they are not aligned. */
export function tensorArray(type: TensorType, bytes: Uint8Array<ArrayBuffer>): TensorArray {
  const { buffer, byteOffset, byteLength } = aligned(type, bytes);
  return new ARRAYS[type](buffer, byteOffset, byteLength / ELEMENT_BYTES[type]);
}
