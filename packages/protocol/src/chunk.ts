import { ProtocolError } from './errors.js';

/**
 * Binary frames of `cutpoint.v1`. A payload travels as chunks, each one WebSocket message: a header of
 * {@link CHUNK_HEADER_BYTES} bytes, little endian, then the bytes.
 *
 * | byte | type | field |
 * | --- | --- | --- |
 * | 0 | u8 | kind, {@link CHUNK_KIND} |
 * | 1 | u8 | flags, 0 |
 * | 2 | u16 | reserved, 0 |
 * | 4 | u32 | request id |
 * | 8 | u32 | offset of the first byte in the payload |
 * | 12 | u32 | number of bytes that follow, at least 1 |
 */
export const CHUNK_KIND = 1;
export const CHUNK_HEADER_BYTES = 16;
/** No message of this protocol is larger, header included. */
export const MAX_FRAME_BYTES = 65_536;
export const MAX_CHUNK_BYTES = MAX_FRAME_BYTES - CHUNK_HEADER_BYTES;
/** Offsets are u32. */
export const MAX_PAYLOAD_BYTES = 0xffff_ffff;

/** Enough chunks that even a crossing of a few KB leaves a gap between its first and its last to take a rate from. */
const TARGET_CHUNKS = 8;
/** Smaller ones would spend more on framing than the gap is worth. */
const MIN_CHUNK_BYTES = 1024;

export interface Chunk {
  readonly id: number;
  readonly offset: number;
  /** A view into the frame, not a copy. */
  readonly bytes: Uint8Array;
}

export interface ChunkingOptions {
  readonly targetChunks?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
}

/** Payload bytes of each chunk but the last. */
export function chunkBytesFor(numBytes: number, options: ChunkingOptions = {}): number {
  const target = options.targetChunks ?? TARGET_CHUNKS;
  const maxBytes = Math.min(options.maxBytes ?? MAX_CHUNK_BYTES, MAX_CHUNK_BYTES);
  const minBytes = Math.min(options.minBytes ?? MIN_CHUNK_BYTES, maxBytes);
  return Math.max(minBytes, Math.min(maxBytes, Math.ceil(numBytes / target)));
}

/**
 * The frames of one payload, whose bytes are those of `parts` one after the other. A payload of 0 bytes has no frame.
 * Each frame is a fresh buffer, so the parts may be reused once the iteration is over.
 */
export function* chunksOf(
  id: number,
  parts: readonly Uint8Array[],
  options: ChunkingOptions = {},
): Generator<Uint8Array<ArrayBuffer>, void> {
  const numBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (numBytes > MAX_PAYLOAD_BYTES) {
    throw new ProtocolError('too_large', `a payload of ${numBytes} bytes; at most ${MAX_PAYLOAD_BYTES} can travel`);
  }
  const step = chunkBytesFor(numBytes, options);
  let part = 0;
  let within = 0;
  for (let offset = 0; offset < numBytes; offset += step) {
    const length = Math.min(step, numBytes - offset);
    const frame = newFrame(id, offset, length);
    let filled = 0;
    while (filled < length) {
      const source = parts[part];
      if (source === undefined) break;
      const take = Math.min(length - filled, source.byteLength - within);
      frame.set(source.subarray(within, within + take), CHUNK_HEADER_BYTES + filled);
      filled += take;
      within += take;
      if (within === source.byteLength) {
        part += 1;
        within = 0;
      }
    }
    yield frame;
  }
}

function newFrame(id: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(CHUNK_HEADER_BYTES + length);
  const header = new DataView(frame.buffer);
  header.setUint8(0, CHUNK_KIND);
  header.setUint32(4, id, true);
  header.setUint32(8, offset, true);
  header.setUint32(12, length, true);
  return frame;
}

/** Reads one binary message. Whether its id and offset make sense is for {@link PayloadAssembler} and its owner. */
export function decodeChunk(frame: Uint8Array): Chunk | ProtocolError {
  if (frame.byteLength > MAX_FRAME_BYTES) {
    return new ProtocolError('frame_too_large', `a frame of ${frame.byteLength} bytes; at most ${MAX_FRAME_BYTES}`);
  }
  if (frame.byteLength < CHUNK_HEADER_BYTES) {
    return new ProtocolError(
      'bad_frame',
      `a frame of ${frame.byteLength} bytes; its header alone has ${CHUNK_HEADER_BYTES}`,
    );
  }
  const header = new DataView(frame.buffer, frame.byteOffset, CHUNK_HEADER_BYTES);
  if (header.getUint8(0) !== CHUNK_KIND) {
    return new ProtocolError('bad_frame', `frame kind ${header.getUint8(0)}; only ${CHUNK_KIND} is known`);
  }
  if (header.getUint8(1) !== 0 || header.getUint16(2, true) !== 0) {
    return new ProtocolError('bad_frame', 'flags and reserved bytes of a frame header must be 0');
  }
  const length = header.getUint32(12, true);
  const present = frame.byteLength - CHUNK_HEADER_BYTES;
  if (length !== present) {
    return new ProtocolError('bad_frame', `the frame header says ${length} bytes, ${present} are there`);
  }
  if (length === 0) return new ProtocolError('bad_frame', 'a chunk without bytes; send no chunk for an empty payload');
  return {
    id: header.getUint32(4, true),
    offset: header.getUint32(8, true),
    bytes: frame.subarray(CHUNK_HEADER_BYTES),
  };
}
