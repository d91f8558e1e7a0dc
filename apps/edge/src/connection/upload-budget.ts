/** Bytes of requests that are held in memory, over all connections. */
export class UploadBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes the bytes, or says `false` and takes none. A single request is let in when nothing else is held. */
  take(numBytes: number): boolean {
    if (this.#heldBytes > 0 && this.#heldBytes + numBytes > this.#maxBytes) return false;
    this.#heldBytes += numBytes;
    return true;
  }

  give(numBytes: number): void {
    this.#heldBytes -= numBytes;
  }
}
