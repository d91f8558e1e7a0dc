/** Lets a steady rate pass, and bursts of up to one second of it. */
export class TokenBucket {
  readonly #perS: number;
  #left: number;
  #atMs: number;

  constructor(perS: number, nowMs: number) {
    this.#perS = perS;
    this.#left = perS;
    this.#atMs = nowMs;
  }

  /** Takes one, into debt if need be. @returns ms until the debt is paid, 0 when there is none. */
  take(nowMs: number): number {
    const earned = ((nowMs - this.#atMs) / 1000) * this.#perS;
    this.#left = Math.min(this.#perS, this.#left + Math.max(0, earned)) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perS) * 1000;
  }
}
