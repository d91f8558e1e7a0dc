import type { Estimate } from '../conditions.js';
import {
  RESTART_AFTER_IDLE_MS,
  rateWithoutStalls,
  slowStartRounds,
  stallWithin,
  type TimedPart,
} from '../slow-start.js';
import { Ewma } from './ewma.js';
import { LogFilter, type LogFilterOptions } from './log-filter.js';

/** Bytes that arrived after the first chunk, and the time between the first and the last, by the receiver's clock. */
export interface TransferSample {
  readonly numBytes: number;
  readonly spanMs: number;
  /** Chunks of the whole transfer, the first one included; {@link USUAL_CHUNKS} when left out. */
  readonly chunks?: number;
  /** ms that nothing was sent in that direction before; left out when the sender does not know. */
  readonly idleMs?: number;
  /** ms since its last byte was sent, when it is observed only later: with the answer to it. Default 0. */
  readonly agoMs?: number;
}

/** A transfer is cut into at least so many. */
export const USUAL_CHUNKS = 8;
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
/** 10 Mbit/s up, 20 Mbit/s down: what is assumed until something was measured, and how far off that may well be. */
export const DEFAULT_UPLINK_BYTES_PER_MS = 1_250;
export const DEFAULT_DOWNLINK_BYTES_PER_MS = 2_500;
const DEFAULT_DEVIATION = 1;

/** A sample of this many bytes, or of this long a span, counts fully; shorter ones in proportion. */
const FULL_WEIGHT_BYTES = 32 * 1024;
const FULL_WEIGHT_SPAN_MS = 20;
/** One full sample scatters by a seventh; a mobile link moves by about a fifth in a second. */
const SAMPLE_DEVIATION = 0.15;
const DRIFT_PER_SECOND = 0.2;
const DRIFT_PER_SAMPLE = 0.05;
/** Down at once, up with care. */
const SURPRISE_UP = 0.5;
const SURPRISE_DOWN = 0.75;
/** Weight seen before the estimate is trusted, and the age at which it no longer is. */
const CONFIDENT_WEIGHT = 1;
const CONFIDENT_AGE_MS = 15_000;
/** In transfers after an idle: how fast it is learnt whether this path's sender begins slowly. */
const MODEL_HALF_LIFE = 6;
/** In the square of the logarithm: the model without slow start must be better by this to be believed. */
const MODEL_MARGIN = 0.01;
/** How fast the best rate that was seen is forgotten. */
const BEST_HALF_LIFE_MS = 60_000;

const FILTER: LogFilterOptions = {
  sampleDeviation: SAMPLE_DEVIATION,
  driftPerSecond: DRIFT_PER_SECOND,
  driftPerSample: DRIFT_PER_SAMPLE,
  surpriseUp: SURPRISE_UP,
  surpriseDown: SURPRISE_DOWN,
};

/** One of two explanations of what a path shows, and by how much its predictions were off (mean square, logarithm). */
class Model {
  readonly filter = new LogFilter(FILTER);
  readonly error = new Ewma(MODEL_HALF_LIFE);

  constructor(readonly slowStarts: boolean) {}
}

/**
 * Rate of one direction of a link, in bytes per ms, learnt from real transfers. The fixed cost is kept apart.
 *
 * Most senders begin slowly after an idle, some do not, and a page cannot ask. So the rate is followed twice, with the
 * stalls of slow start taken out and without, and what predicts transfers of different sizes better is believed.
 */
export class LinkEstimator {
  readonly #defaultRate: number;
  readonly #stalled = new Model(true);
  readonly #plain = new Model(false);
  #best = 0;

  constructor(defaultRate: number = DEFAULT_UPLINK_BYTES_PER_MS) {
    this.#defaultRate = defaultRate;
  }

  /**
   * Ignores what says nothing: tiny samples, and spans that are negative because a clock was set back.
   * @param roundTripMs of the path, so that what TCP's slow start held up is not taken for a slow link; 0 for unknown
   */
  observe(sample: TransferSample, atMs: number, roundTripMs = 0): void {
    const { numBytes, spanMs, idleMs, chunks = USUAL_CHUNKS } = sample;
    if (!(numBytes >= MIN_SAMPLE_BYTES && numBytes <= MAX_SAMPLE_BYTES) || !(spanMs >= 0)) return;
    const weight = Math.min(1, numBytes / FULL_WEIGHT_BYTES + spanMs / FULL_WEIGHT_SPAN_MS);
    const restarted = idleMs !== undefined && restartsAfter(idleMs, roundTripMs) && spanMs > 0;
    const firstBytes = numBytes / Math.max(1, chunks - 1);
    const [roundsBefore, rounds] = [slowStartRounds(firstBytes), slowStartRounds(firstBytes + numBytes)];
    const part: TimedPart = { numBytes, spanMs, roundsBefore, rounds, roundTripMs };
    if (restarted) this.#judgeModels(part, weight);
    const passedMs = this.#filter.ageMs(atMs);
    const rate = numBytes / spanMs;
    this.#plain.filter.observe(clamp(rate), weight, atMs);
    const without = restarted ? rateWithoutStalls(part) : rate;
    // What was mostly waiting says little of the rate, and a round trip that is a little off says something else.
    const sendingShare = restarted ? Math.min(1, rate / without) : 1;
    this.#stalled.filter.observe(clamp(without), weight * sendingShare ** 2, atMs);
    const best = Number.isFinite(passedMs) ? this.#best * 0.5 ** (passedMs / BEST_HALF_LIFE_MS) : 0;
    this.#best = Math.max(best, this.#filter.value ?? 0);
  }

  /** Whether transfers after an idle are best predicted with slow start. */
  get slowStarts(): boolean {
    return (this.#stalled.error.value ?? 0) <= (this.#plain.error.value ?? 0) + MODEL_MARGIN;
  }

  get #filter(): LogFilter {
    return (this.slowStarts ? this.#stalled : this.#plain).filter;
  }

  /** @param part of a transfer after an idle */
  #judgeModels(part: TimedPart, weight: number): void {
    for (const { filter, error, slowStarts } of [this.#stalled, this.#plain]) {
      if (filter.value === undefined) continue;
      const stall = slowStarts ? stallWithin(part, filter.value) : 0;
      error.observe(Math.log((part.numBytes / filter.value + stall) / part.spanMs) ** 2, weight);
    }
  }

  estimate(nowMs: number): Estimate {
    const rate = this.#filter.value;
    if (rate === undefined) {
      const value = this.#defaultRate;
      return { value, ageMs: Number.POSITIVE_INFINITY, confident: false, uncertainty: value * DEFAULT_DEVIATION };
    }
    const ageMs = this.#filter.ageMs(nowMs);
    return {
      value: clamp(rate),
      ageMs,
      confident: this.#filter.weight >= CONFIDENT_WEIGHT && ageMs <= CONFIDENT_AGE_MS,
      uncertainty: rate * this.#filter.deviation(nowMs),
    };
  }

  /** Whether the last transfer was far from what was expected, so that one more would tell much. */
  get isSurprised(): boolean {
    return this.#filter.isSurprised;
  }

  /** What the link may well have become while nobody looked: the best rate of the last minute, or the default. */
  hopedRate(nowMs: number): number {
    const fadedBest = this.#best * 0.5 ** (this.#filter.ageMs(nowMs) / BEST_HALF_LIFE_MS);
    return Math.max(Number.isNaN(fadedBest) ? 0 : fadedBest, this.#defaultRate);
  }

  /** What the transfers showed, however long ago; `undefined` when there was none. */
  get measuredRate(): number | undefined {
    const rate = this.#filter.value;
    return rate === undefined ? undefined : clamp(rate);
  }
}

/** Whether a sender that was idle for so long begins with its first window again. */
export function restartsAfter(idleMs: number, roundTripMs: number): boolean {
  return idleMs > RESTART_AFTER_IDLE_MS + roundTripMs;
}

function clamp(rate: number): number {
  return Math.min(Math.max(rate, MIN_RATE_BYTES_PER_MS), MAX_RATE_BYTES_PER_MS);
}
