import { ProtocolError } from './errors.js';
import type { TensorInfo, TensorType } from './manifest.js';
import type { TensorHeader } from './messages.js';

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

/** A tensor in memory: `data` is its elements, row-major, little endian. Any ORT `Tensor` on the CPU is one. */
export interface TensorData extends TensorInfo {
  readonly data: ArrayBufferView;
}

/** A tensor's own bytes within a payload. */
export interface TensorBytes {
  readonly header: TensorHeader;
  /** Starts at a multiple of the element size, so that a typed array can be laid over it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface EncodedTensors {
  readonly tensors: TensorHeader[];
  /** Views over the tensors' own memory, for {@link chunksOf}. */
  readonly parts: Uint8Array[];
  readonly numBytes: number;
}

/** Raw bytes of a tensor of this type and shape; a scalar has the shape `[]`. */
export function tensorBytes(type: TensorType, dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, ELEMENT_BYTES[type]);
}

/** Describes tensors and views their bytes, without copying. Throws when a tensor's data does not fit its shape. */
export function encodeTensors(tensors: readonly TensorData[]): EncodedTensors {
  const headers: TensorHeader[] = [];
  const parts: Uint8Array[] = [];
  let numBytes = 0;
  for (const { name, type, dims, data } of tensors) {
    const bytes = tensorBytes(type, dims);
    if (data.byteLength !== bytes) {
      throw new ProtocolError(
        'bad_tensors',
        `tensor "${name}" holds ${data.byteLength} bytes; ${type} [${dims.join(', ')}] has ${bytes}`,
      );
    }
    headers.push({ name, type, dims: [...dims], codec: 'raw', numBytes: bytes });
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    numBytes += bytes;
  }
  return { tensors: headers, parts, numBytes };
}

/** Whether headers agree with themselves: sizes with shapes, the total with the sum, and no name twice. */
export function checkTensorHeaders(headers: readonly TensorHeader[], numBytes: number): ProtocolError | undefined {
  const names = new Set<string>();
  let sum = 0;
  for (const header of headers) {
    if (names.has(header.name)) return new ProtocolError('bad_tensors', `tensor "${header.name}" is there twice`);
    names.add(header.name);
    const bytes = tensorBytes(header.type, header.dims);
    if (header.numBytes !== bytes) {
      return new ProtocolError(
        'bad_tensors',
        `tensor "${header.name}" says ${header.numBytes} bytes; ${header.type} [${header.dims.join(', ')}] has ${bytes}`,
      );
    }
    sum += bytes;
  }
  if (sum !== numBytes) {
    return new ProtocolError('bad_tensors', `numBytes is ${numBytes}; the tensors sum up to ${sum}`);
  }
  return undefined;
}

/** Whether headers are exactly the tensors that must be sent: names, types, shapes, and their order. */
export function checkExpectedTensors(
  headers: readonly TensorHeader[],
  expected: readonly TensorInfo[],
): ProtocolError | undefined {
  if (headers.length !== expected.length) {
    return new ProtocolError('bad_tensors', `${headers.length} tensors; ${expected.length} must be sent`);
  }
  for (const [index, want] of expected.entries()) {
    const got = headers[index];
    if (got === undefined || !sameTensor(got, want)) {
      return new ProtocolError(
        'bad_tensors',
        `tensor ${index} is ${got === undefined ? 'missing' : describe(got)}; it must be ${describe(want)}`,
      );
    }
  }
  return undefined;
}

function sameTensor(a: TensorInfo, b: TensorInfo): boolean {
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.dims.length === b.dims.length &&
    a.dims.every((dim, axis) => dim === b.dims[axis])
  );
}

function describe({ name, type, dims }: TensorInfo): string {
  return `"${name}" ${type} [${dims.join(', ')}]`;
}

/**
 * Cuts a payload into its tensors. Views the payload where the element size allows, copies where it does not.
 * Check the headers first ({@link checkTensorHeaders}).
 */
export function decodeTensors(headers: readonly TensorHeader[], payload: Uint8Array<ArrayBuffer>): TensorBytes[] {
  let offset = 0;
  return headers.map((header) => {
    const view = payload.subarray(offset, offset + header.numBytes);
    offset += header.numBytes;
    const aligned = view.byteOffset % ELEMENT_BYTES[header.type] === 0;
    return { header, bytes: aligned ? view : view.slice() };
  });
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

/** Lays the typed array that onnxruntime wants for `type` over aligned bytes. */
export function tensorArray(type: TensorType, bytes: Uint8Array<ArrayBuffer>): TensorArray {
  return new ARRAYS[type](bytes.buffer, bytes.byteOffset, bytes.byteLength / ELEMENT_BYTES[type]);
}
