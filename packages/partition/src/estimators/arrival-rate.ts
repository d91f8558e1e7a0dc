/** A queue is a thing of a second or so: half of what is known is younger than this. */
const HALF_LIFE_MS = 1_000;

/**
 * How fast work arrives: ms of work per ms of wall clock, in the mean of the last second or so. 0 when nothing comes, 1
 * when it comes as fast as one worker does it.
 *
 * Each piece of work adds to a sum that decays with a half-life; in a steady state the sum is rate × half-life ÷ ln 2.
 */
export class ArrivalRate {
  readonly #workers: number;
  #recentMs = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** @param workers that share the work; the rate is that of each. */
  constructor(workers = 1) {
    this.#workers = workers;
  }

  /** @param workMs predicted run time of what was admitted; negative ones and those that are no number are ignored. */
  observe(workMs: number, atMs: number): void {
    if (!(workMs >= 0) || !Number.isFinite(workMs)) return;
    this.#recentMs = this.#recentAt(atMs) + workMs;
    this.#atMs = Math.max(atMs, this.#atMs);
  }

  rate(nowMs: number): number {
    return (this.#recentAt(nowMs) * Math.LN2) / HALF_LIFE_MS / this.#workers;
  }

  #recentAt(nowMs: number): number {
    return this.#recentMs === 0 ? 0 : this.#recentMs * 2 ** (-Math.max(0, nowMs - this.#atMs) / HALF_LIFE_MS);
  }
}
