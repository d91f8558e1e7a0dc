import type { Estimate } from '../conditions.js';

/** What is assumed until a round trip was measured. */
export const DEFAULT_FIXED_MS = 20;
/** Round trips looked at, and how old they may be as long as there are younger ones. */
const WINDOW = 12;
const MAX_AGE_MS = 30_000;
/**
 * Waiting behind other traffic only ever adds to a round trip, so the low end is the path; not the very minimum, which
 * would hold an old path for as long as it is remembered.
 */
const QUANTILE = 0.25;
const CONFIDENT_SAMPLES = 2;

/** The fixed cost of a transfer (round trip and framing), from round trips of small frames. */
export class FixedCostEstimator {
  #samples: { readonly ms: number; readonly atMs: number }[] = [];
  #sorted: readonly number[] = [];

  observe(roundTripMs: number, atMs: number): void {
    if (!(roundTripMs >= 0) || !Number.isFinite(roundTripMs)) return;
    const kept = this.#samples.filter((sample) => atMs - sample.atMs <= MAX_AGE_MS);
    this.#samples = [...kept, { ms: roundTripMs, atMs }].slice(-WINDOW);
    this.#sorted = this.#samples.map((sample) => sample.ms).sort((a, b) => a - b);
  }

  /** The shortest of them, which has least of anything but the path in it; `undefined` when there is none. */
  get leastMs(): number | undefined {
    return this.#sorted[0];
  }

  estimate(nowMs: number): Estimate {
    const last = this.#samples.at(-1);
    if (last === undefined) {
      const value = DEFAULT_FIXED_MS;
      return { value, ageMs: Number.POSITIVE_INFINITY, confident: false, uncertainty: value };
    }
    const sorted = this.#sorted;
    const ageMs = Math.max(0, nowMs - last.atMs);
    const value = sorted[Math.floor((sorted.length - 1) * QUANTILE)] ?? last.ms;
    const middle = sorted[Math.floor((sorted.length - 1) * 0.5)] ?? last.ms;
    return {
      value,
      ageMs,
      confident: sorted.length >= CONFIDENT_SAMPLES && ageMs <= MAX_AGE_MS,
      // Between quartile and median of a normal distribution lie 0.67 standard deviations.
      uncertainty: (middle - value) / 0.67,
    };
  }
}
