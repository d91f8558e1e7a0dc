/** What is not used is kept for so long: one inference may send what several seconds allow. */
const SAVED_MS = 3_000;

/** Bytes that inferences may send under a limit on their mean; debts are paid by those that follow. */
export class UplinkAllowance {
  readonly #perMs: number | undefined;
  #bytes: number;
  #atMs: number | undefined;

  constructor(maxBytesPerSecond: number | undefined) {
    this.#perMs = maxBytesPerSecond === undefined ? undefined : maxBytesPerSecond / 1000;
    this.#bytes = (this.#perMs ?? 0) * SAVED_MS;
  }

  sent(numBytes: number, atMs: number): void {
    this.#bytes = this.bytes(atMs) - numBytes;
    this.#atMs = atMs;
  }

  /** `Infinity` without a limit. */
  bytes(nowMs: number): number {
    if (this.#perMs === undefined) return Number.POSITIVE_INFINITY;
    const passedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    return Math.min(SAVED_MS * this.#perMs, this.#bytes + passedMs * this.#perMs);
  }
}
