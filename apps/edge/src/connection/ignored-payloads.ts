/** A client that keeps more refused uploads than this open at once has lost count itself. */
const MAX_IGNORED = 1_024;

/** Payloads still arriving for requests that were answered early: they are counted, not kept. */
export class IgnoredPayloads {
  readonly #missingBytes = new Map<number, number>();

  has(id: number): boolean {
    return this.#missingBytes.has(id);
  }

  add(id: number, missingBytes: number): void {
    if (missingBytes <= 0) return;
    this.#missingBytes.set(id, missingBytes);
    for (const oldest of this.#missingBytes.keys()) {
      if (this.#missingBytes.size <= MAX_IGNORED) return;
      this.#missingBytes.delete(oldest);
    }
  }

  /** Whether these bytes belong to such a payload. */
  take(id: number, numBytes: number): boolean {
    const missing = this.#missingBytes.get(id);
    if (missing === undefined || numBytes > missing) return false;
    if (numBytes === missing) this.#missingBytes.delete(id);
    else this.#missingBytes.set(id, missing - numBytes);
    return true;
  }

  delete(id: number): void {
    this.#missingBytes.delete(id);
  }
}
