import type { Chunk } from './chunk.js';
import { ProtocolError } from './errors.js';
import type { Arrivals } from './messages.js';

/** Puts the chunks of one payload together and keeps when they came. */
export class PayloadAssembler {
  readonly numBytes: number;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #received = 0;
  #chunks = 0;
  #firstChunkBytes = 0;
  #firstAtMs = 0;
  #lastAtMs = 0;

  /** Allocates `numBytes` at once: check the size against what may come before this is called. */
  constructor(numBytes: number) {
    this.numBytes = numBytes;
    this.#buffer = new Uint8Array(numBytes);
  }

  get receivedBytes(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#received === this.numBytes;
  }

  /**
   * Takes the next chunk. Chunks of one payload come in order, without gaps and without overlap.
   * @param atMs when it arrived, by the receiver's monotonic clock.
   */
  accept(chunk: Chunk, atMs: number): ProtocolError | undefined {
    if (chunk.offset !== this.#received) {
      return new ProtocolError(
        'bad_offset',
        `chunk of request ${chunk.id} at ${chunk.offset}; the next one begins at ${this.#received}`,
      );
    }
    if (chunk.bytes.byteLength > this.numBytes - this.#received) {
      return new ProtocolError(
        'bad_offset',
        `chunk of request ${chunk.id} ends at ${chunk.offset + chunk.bytes.byteLength}; ${this.numBytes} bytes were announced`,
      );
    }
    this.#buffer.set(chunk.bytes, chunk.offset);
    this.#received += chunk.bytes.byteLength;
    if (this.#chunks === 0) {
      this.#firstChunkBytes = chunk.bytes.byteLength;
      this.#firstAtMs = atMs;
    }
    this.#lastAtMs = atMs;
    this.#chunks += 1;
    return undefined;
  }

  /** The payload. Only meaningful once {@link complete}. */
  get payload(): Uint8Array<ArrayBuffer> {
    return this.#buffer;
  }

  /** How many bytes came after the first chunk, and in which time: what a rate is taken from. */
  get arrivals(): Arrivals {
    return {
      chunks: this.#chunks,
      numBytes: this.#received - this.#firstChunkBytes,
      spanMs: Math.max(0, this.#lastAtMs - this.#firstAtMs),
    };
  }
}
