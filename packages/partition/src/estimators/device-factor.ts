import type { Estimate } from '../conditions.js';
import { Ewma } from './ewma.js';

/** Until a head was measured a page is taken to be half as fast as the machine that profiled. Never confident. */
export const DEFAULT_D = 2;
/**
 * A head of this share of the whole network counts fully. Of shorter ones a good part is launch overhead and timer grain,
 * and what their few layers suit the device by is no measure of the others: they count by the square of their share.
 */
const FULL_WEIGHT_SHARE = 0.5;
/** The same where nothing is known of the whole. */
const FULL_WEIGHT_MS = 5;
/** In heads of full weight: after a step 90 % of the way within five, the median included. */
const HALF_LIFE = 0.7;
/** One pause of the garbage collector is not a slow device: the median of so many heads is what counts. */
const MEDIAN_OF = 3;
const CONFIDENT_WEIGHT = 0.2;

/** Standard deviation of the logarithm before any head was measured, and at least, whatever the heads said. */
const DEFAULT_DEVIATION = 0.7;
const LEAST_DEVIATION = 0.02;
/** In heads of full weight. */
const DEVIATION_HALF_LIFE = 4;

/** What is known beside one head. */
export interface HeadContext {
  /** What real runs of this very head corrected its profiled time by. */
  readonly correction?: number;
  /** Profiled ms of the whole network. */
  readonly wholeMs?: number;
}

/** Device factor d: measured ÷ profiled time of real heads, in the logarithm because it is a ratio. */
export class DeviceFactorEstimator {
  #logD = new Ewma(HALF_LIFE);
  #variance = new Ewma(DEVIATION_HALF_LIFE);
  #recent: number[] = [];
  #weight = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #longestHeadMs = 0;

  observe(
    measuredMs: number,
    profiledMs: number,
    atMs: number,
    { correction = 1, wholeMs = 0 }: HeadContext = {},
  ): void {
    const ratio = measuredMs / (profiledMs * correction);
    if (!(ratio > 0) || !Number.isFinite(ratio)) return;
    this.#recent = [...this.#recent, Math.log(ratio)].slice(-MEDIAN_OF);
    const sorted = [...this.#recent].sort((a, b) => a - b);
    // Of two the lower: the first run of a session compiles its kernels and is no measure of the next.
    const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
    const fullMs = wholeMs > 0 ? FULL_WEIGHT_SHARE * wholeMs : FULL_WEIGHT_MS;
    const weight = Math.min(1, (profiledMs / fullMs) ** 2);
    const before = this.#logD.value;
    if (before !== undefined) this.#variance.observe((Math.log(ratio) - before) ** 2, weight);
    this.#logD.observe(middle, weight);
    this.#weight += weight;
    this.#longestHeadMs = Math.max(this.#longestHeadMs, profiledMs);
    this.#lastAtMs = atMs;
  }

  /** As before the first head. */
  forget(): void {
    this.#logD = new Ewma(HALF_LIFE);
    this.#variance = new Ewma(DEVIATION_HALF_LIFE);
    this.#recent = [];
    this.#weight = 0;
    this.#lastAtMs = Number.NEGATIVE_INFINITY;
    this.#longestHeadMs = 0;
  }

  /** Profiled ms of the longest head that was measured; far beyond it d is an extrapolation. */
  get longestHeadMs(): number {
    return this.#longestHeadMs;
  }

  estimate(nowMs: number): Estimate {
    const logD = this.#logD.value;
    if (logD === undefined) {
      const uncertainty = DEFAULT_D * DEFAULT_DEVIATION;
      return { value: DEFAULT_D, ageMs: Number.POSITIVE_INFINITY, confident: false, uncertainty };
    }
    const value = Math.exp(logD);
    return {
      value,
      ageMs: Math.max(0, nowMs - this.#lastAtMs),
      confident: this.#weight >= CONFIDENT_WEIGHT,
      uncertainty: value * Math.max(LEAST_DEVIATION, Math.sqrt(this.#variance.value ?? 0)),
    };
  }
}
