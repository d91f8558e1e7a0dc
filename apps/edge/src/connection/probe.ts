import {
  type Chunk,
  PayloadAssembler,
  type ProbedMessage,
  type ProbeMessage,
  type ProtocolError,
} from '@cutpoint/protocol';

/** One `probe` from its announcement to its answer. Its bytes are dropped; only when they came is kept. */
export class Probe {
  readonly id: number;
  readonly announcedAtMs: number;
  lastChunkAtMs: number;
  readonly #assembler: PayloadAssembler;

  /** @param message whose size was found right: so much is held until the probe is whole. */
  constructor({ id, numBytes }: ProbeMessage, nowMs: number) {
    this.id = id;
    this.announcedAtMs = nowMs;
    this.lastChunkAtMs = nowMs;
    this.#assembler = new PayloadAssembler(numBytes);
  }

  get missingBytes(): number {
    return this.#assembler.numBytes - this.#assembler.receivedBytes;
  }

  accept(chunk: Chunk, atMs: number): ProtocolError | undefined {
    this.lastChunkAtMs = atMs;
    return this.#assembler.accept(chunk, atMs);
  }

  /** Once all bytes came. */
  get answer(): ProbedMessage | undefined {
    if (!this.#assembler.complete) return undefined;
    const uploadMs = Math.max(0, this.lastChunkAtMs - this.announcedAtMs);
    return { type: 'probed', id: this.id, uploadMs, arrivals: this.#assembler.arrivals };
  }
}
