import type { Estimate } from '../conditions.js';
import { Ewma } from './ewma.js';

/** In inferences. */
const HALF_LIFE = 4;
/** One pause of the garbage collector is not what a page usually takes: the median of so many counts. */
const MEDIAN_OF = 5;

/** What an inference takes in the page beside its stages: the same for every arm, so it moves no decision, only predictions. */
export class OverheadEstimator {
  readonly #mean = new Ewma(HALF_LIFE);
  readonly #deviation = new Ewma(HALF_LIFE);
  #recent: readonly number[] = [];
  #lastAtMs = Number.NEGATIVE_INFINITY;

  observe(overheadMs: number, atMs: number): void {
    if (!(overheadMs >= 0) || !Number.isFinite(overheadMs)) return;
    this.#recent = [...this.#recent, overheadMs].slice(-MEDIAN_OF);
    const sorted = [...this.#recent].sort((a, b) => a - b);
    const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? overheadMs;
    this.#deviation.observe(Math.abs(overheadMs - (this.#mean.value ?? overheadMs)));
    this.#mean.observe(middle);
    this.#lastAtMs = atMs;
  }

  estimate(nowMs: number): Estimate {
    const value = this.#mean.value;
    if (value === undefined) return { value: 0, ageMs: Number.POSITIVE_INFINITY, confident: false, uncertainty: 0 };
    const ageMs = Math.max(0, nowMs - this.#lastAtMs);
    return { value, ageMs, confident: this.#recent.length === MEDIAN_OF, uncertainty: this.#deviation.value ?? 0 };
  }
}
