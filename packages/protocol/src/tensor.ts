import { tensorBytes } from './element.js';
import { ProtocolError } from './errors.js';
import type { TensorInfo } from './manifest.js';
import type { TensorHeader } from './messages.js';

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

/** One tensor as it travels: what its header says of its bytes. */
export interface EncodedTensor {
  readonly header: TensorHeader;
  readonly bytes: Uint8Array;
}

export interface EncodedTensors {
  readonly tensors: TensorHeader[];
  /** Views over the tensors' own memory, for {@link chunksOf}. */
  readonly parts: Uint8Array[];
  readonly numBytes: number;
}

/**
 * A tensor as it is, its bytes a view of its own.
 * @throws ProtocolError `bad_tensors` when the data does not fit the shape
 */
export function rawTensor({ name, type, dims, data }: TensorData): EncodedTensor {
  const numBytes = tensorBytes(type, dims);
  if (data.byteLength !== numBytes) {
    throw new ProtocolError(
      'bad_tensors',
      `tensor "${name}" holds ${data.byteLength} bytes; ${type} [${dims.join(', ')}] has ${numBytes}`,
    );
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { header: { name, type, dims: [...dims], codec: 'raw', numBytes }, bytes };
}

/** Describes tensors and views their bytes, without copying. Throws when a tensor's data does not fit its shape. */
export function encodeTensors(tensors: readonly TensorData[]): EncodedTensors {
  return gather(tensors.map(rawTensor));
}

/** One payload of tensors that are encoded already. */
export function gather(encoded: readonly EncodedTensor[]): EncodedTensors {
  return {
    tensors: encoded.map(({ header }) => header),
    parts: encoded.map(({ bytes }) => bytes),
    numBytes: encoded.reduce((sum, { header }) => sum + header.numBytes, 0),
  };
}

/** Views each tensor's bytes within a payload, as they travelled. Check the headers first ({@link checkTensorHeaders}). */
export function splitPayload(headers: readonly TensorHeader[], payload: Uint8Array<ArrayBuffer>): TensorBytes[] {
  let offset = 0;
  return headers.map((header) => {
    const bytes = payload.subarray(offset, offset + header.numBytes);
    offset += header.numBytes;
    return { header, bytes };
  });
}
