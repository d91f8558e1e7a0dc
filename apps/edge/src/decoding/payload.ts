import { inflateRawSync } from 'node:zlib';
import {
  decodeTensor,
  isPicture,
  ProtocolError,
  plainBytes,
  splitPayload,
  type TensorBytes,
  type TensorHeader,
} from '@cutpoint/protocol';
import { decodePicture } from './pictures.js';

/**
 * The tensors of a payload whose headers were found right. Blocks its thread; never makes more bytes than the tensors have.
 * @throws ProtocolError `bad_tensors` for bytes that are not what their header says
 */
export async function decodePayload(
  headers: readonly TensorHeader[],
  payload: Uint8Array<ArrayBuffer>,
): Promise<TensorBytes[]> {
  const decoded: TensorBytes[] = [];
  for (const { header, bytes } of splitPayload(headers, payload)) {
    decoded.push({ header, bytes: await decode(header, bytes) });
  }
  return decoded;
}

async function decode(header: TensorHeader, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { codec, deflated } = header;
  if (isPicture(codec)) {
    const [height = 0, width = 0] = header.dims;
    return decodePicture(codec, bytes, { width, height });
  }
  return decodeTensor({ ...header, deflated: false }, deflated ? inflate(header, bytes) : bytes);
}

function inflate(header: TensorHeader, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const numBytes = plainBytes(header);
  let inflated: Uint8Array<ArrayBuffer>;
  try {
    // The cast: zlib's buffers are never shared memory.
    inflated = inflateRawSync(bytes, { maxOutputLength: numBytes }) as Buffer<ArrayBuffer>;
  } catch (cause) {
    const message = `tensor "${header.name}" cannot be inflated to ${numBytes} bytes: ${String(cause)}`;
    throw new ProtocolError('bad_tensors', message, { cause });
  }
  if (inflated.byteLength === numBytes) return inflated;
  throw new ProtocolError(
    'bad_tensors',
    `tensor "${header.name}" inflates to ${inflated.byteLength} bytes; it must be ${numBytes}`,
  );
}
