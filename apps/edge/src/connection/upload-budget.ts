/** A connection holds at most this share of all, so that a few slow clients cannot keep everybody else out, */
const SHARE = 1 / 4;

/** Bytes of requests that are held in memory, over all connections. */
export class UploadBudget {
  readonly #maxBytes: number;
  readonly #maxBytesPerHolder: number;
  readonly #heldBy = new Map<object, number>();
  #heldBytes = 0;

  /** @param maxRequestBytes but always one request of this size. */
  constructor(maxBytes: number, maxRequestBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxBytesPerHolder = Math.max(maxBytes * SHARE, maxRequestBytes);
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes the bytes, or says what they go beyond and takes none. A single request is let in when nothing else is held.
   * @param ownBytes that the same request holds already: it takes more as it grows.
   */
  take(holder: object, numBytes: number, ownBytes = 0): 'taken' | 'beyond-share' | 'beyond-all' {
    const held = this.#heldBy.get(holder) ?? 0;
    if (held > ownBytes && held + numBytes > this.#maxBytesPerHolder) return 'beyond-share';
    if (this.#heldBytes > ownBytes && this.#heldBytes + numBytes > this.#maxBytes) return 'beyond-all';
    this.#heldBy.set(holder, held + numBytes);
    this.#heldBytes += numBytes;
    return 'taken';
  }

  give(holder: object, numBytes: number): void {
    const left = (this.#heldBy.get(holder) ?? 0) - numBytes;
    if (left > 0) this.#heldBy.set(holder, left);
    else this.#heldBy.delete(holder);
    this.#heldBytes -= numBytes;
  }
}
