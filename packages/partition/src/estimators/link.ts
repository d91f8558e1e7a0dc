import type { Estimate } from '../conditions.js';

/** Bytes that arrived after the first chunk, and the time between the first and the last, by the receiver's clock. */
export interface TransferSample {
  readonly numBytes: number;
  readonly spanMs: number;
}

/** Samples under this say nothing about rate: they fit in one or two packets. */
export const MIN_SAMPLE_BYTES = 1024;
/**
 * 10 Gbit/s. On loopback the chunks arrive faster than a clock ticks; the span is then stretched to what this rate
 * would have taken, so no sample is ever infinitely fast.
 */
export const MAX_RATE_BYTES_PER_MS = 1_250_000;
/** 80 bit/s. Whatever is slower is no link, and a rate is divided by. */
export const MIN_RATE_BYTES_PER_MS = 0.01;
/** No payload is larger (offsets are u32), so neither is a sample. */
const MAX_SAMPLE_BYTES = 2 ** 32;
/** 10 Mbit/s up, 20 Mbit/s down: what is assumed until something was measured. */
export const DEFAULT_UPLINK_BYTES_PER_MS = 1_250;
export const DEFAULT_DOWNLINK_BYTES_PER_MS = 2_500;

/** A sample of this many bytes, or of this long a span, counts fully; shorter ones in proportion. */
const FULL_WEIGHT_BYTES = 32 * 1024;
const FULL_WEIGHT_SPAN_MS = 20;
/** In samples of full weight. The lower of the two averages counts: a fall shows at once, a rise has to last. */
const FAST_HALF_LIFE = 1;
const SLOW_HALF_LIFE = 2.5;
/** Between two samples old knowledge also fades with time, so a rare sender is not held by what was long ago. */
const TIME_HALF_LIFE_MS = 2_000;
/** One sample may say at most this factor above or below the present rate: a stall or a burst is not the link. */
const MAX_STEP = 4;
/** Weight seen before the estimate is trusted, and the age at which it no longer is. */
const CONFIDENT_WEIGHT = 1;
const CONFIDENT_AGE_MS = 15_000;
/**
 * Who sends nothing learns nothing, and would hold a bad estimate for ever. When it is this old it rises, doubling
 * every so often, up to the best rate that was seen lately or the default: the arm with the smallest crossing becomes
 * worth a try first, and its transfer is the measurement.
 * Each time that the link proves as bad as before, the next rise waits twice as long.
 */
const RISE_AFTER_MS = 3_000;
const RISE_DOUBLING_MS = 2_000;
const MAX_PATIENCE = 32;

/** Decayed sums of bytes and ms: their ratio weighs every sample by its bytes and by its time. */
class DecayedRate {
  readonly #halfLife: number;
  #bytes = 0;
  #ms = 0;

  constructor(halfLife: number) {
    this.#halfLife = halfLife;
  }

  observe(numBytes: number, spanMs: number, weight: number, sinceMs: number): void {
    const keep = 0.5 ** (weight / this.#halfLife + sinceMs / TIME_HALF_LIFE_MS);
    this.#bytes = this.#bytes * keep + numBytes * weight;
    this.#ms = this.#ms * keep + spanMs * weight;
  }

  get rate(): number {
    return this.#bytes / this.#ms;
  }
}

/** Rate of one direction of a link, in bytes per ms, learnt from real transfers. The fixed cost is kept apart. */
export class LinkEstimator {
  readonly #defaultRate: number;
  #fast = new DecayedRate(FAST_HALF_LIFE);
  #slow = new DecayedRate(SLOW_HALF_LIFE);
  #weight = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #best = 0;
  #patience = 1;

  constructor(defaultRate: number = DEFAULT_UPLINK_BYTES_PER_MS) {
    this.#defaultRate = defaultRate;
  }

  /** Ignores what says nothing: tiny samples, and spans that are negative because a clock was set back. */
  observe(sample: TransferSample, atMs: number): void {
    const { numBytes, spanMs } = sample;
    if (!(numBytes >= MIN_SAMPLE_BYTES && numBytes <= MAX_SAMPLE_BYTES) || !(spanMs >= 0)) return;
    const weight = Math.min(1, numBytes / FULL_WEIGHT_BYTES + spanMs / FULL_WEIGHT_SPAN_MS);
    const before = this.#rate;
    let rate = clamp(numBytes / spanMs);
    if (before !== undefined) {
      this.#learnPatience(rate, before, atMs);
      rate = clamp(Math.min(Math.max(rate, before / MAX_STEP), before * MAX_STEP));
    }
    const sinceMs = this.#ageMs(atMs);
    const passedMs = Number.isFinite(sinceMs) ? sinceMs : 0;
    this.#fast.observe(numBytes, numBytes / rate, weight, passedMs);
    this.#slow.observe(numBytes, numBytes / rate, weight, passedMs);
    this.#weight += weight;
    this.#lastAtMs = atMs;
    this.#best = Math.max(this.#best * 0.5 ** (passedMs / 60_000), this.#rate ?? 0);
  }

  estimate(nowMs: number): Estimate {
    const rate = this.#rate;
    if (rate === undefined) return { value: this.#defaultRate, ageMs: Number.POSITIVE_INFINITY, confident: false };
    const ageMs = this.#ageMs(nowMs);
    return {
      value: this.#risen(rate, ageMs),
      ageMs,
      confident: this.#weight >= CONFIDENT_WEIGHT && ageMs <= CONFIDENT_AGE_MS,
    };
  }

  /** What the transfers showed, however long ago; {@link estimate} rises above it with age. */
  get measuredRate(): number | undefined {
    return this.#rate;
  }

  get #rate(): number | undefined {
    return this.#weight > 0 ? clamp(Math.min(this.#fast.rate, this.#slow.rate)) : undefined;
  }

  /** A clock that was set back makes nothing younger than new. */
  #ageMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#lastAtMs);
  }

  #risen(rate: number, ageMs: number): number {
    const risingMs = ageMs - RISE_AFTER_MS * this.#patience;
    const limit = Math.max(this.#best, this.#defaultRate);
    if (risingMs <= 0 || rate >= limit) return rate;
    return Math.min(limit, rate * 2 ** (risingMs / (RISE_DOUBLING_MS * this.#patience)));
  }

  #learnPatience(rate: number, before: number, atMs: number): void {
    if (this.#risen(before, this.#ageMs(atMs)) === before) return;
    this.#patience = rate > before * 1.5 ? 1 : Math.min(MAX_PATIENCE, this.#patience * 2);
  }
}

function clamp(rate: number): number {
  return Math.min(Math.max(rate, MIN_RATE_BYTES_PER_MS), MAX_RATE_BYTES_PER_MS);
}
