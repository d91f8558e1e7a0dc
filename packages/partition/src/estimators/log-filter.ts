/** How a {@link LogFilter} takes its samples. Standard deviations are in the natural logarithm: 0.2 is about 20 %. */
export interface LogFilterOptions {
  /** Scatter of one sample of weight 1. */
  readonly sampleDeviation: number;
  /** How far the quantity itself moves in one second (a random walk), and between one sample and the next. */
  readonly driftPerSecond: number;
  readonly driftPerSample: number;
  /** Of a surprising sample at most this share of the way is believed at once, upwards and downwards. */
  readonly surpriseUp: number;
  readonly surpriseDown: number;
}

/** So many squared standard deviations off, a sample is a surprise: a step, or an outlier. */
const SURPRISE = 4;
/** What weighs less says nothing. */
const LEAST_WEIGHT = 1e-6;
/** In samples: how fast the filter learns that samples scatter more than it was told. */
const SCATTER_KEEP = 0.85;
/** However steady it was: what was not looked at for some seconds may have changed. */
const AGEING_PER_SECOND = 0.05;
/** No single sample says more than this, as a factor: a stall of seconds can look like any slowness. */
const MAX_UP = Math.log(16);
const MAX_DOWN = Math.log(6);

/**
 * A positive quantity that moves in factors (a rate, a load factor), by a one-dimensional Kalman filter over its
 * logarithm: R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960. Its variance grows with
 * the time that passed, so after a pause one sample counts for more than in a series. How much samples scatter is learnt
 * from them: on a link that jitters each single one counts for less.
 *
 * A sample that is far off is either an outlier or a step. It opens the filter: the first one is believed in part, and a
 * second one that confirms it nearly whole.
 */
export class LogFilter {
  readonly #options: LogFilterOptions;
  #log = 0;
  #variance = 0;
  #weight = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #surprised = 0;
  /** Mean square of what samples were off by, surprises left out; and with them, which is how wrong predictions were. */
  #scatter = 0;
  #error: number;

  constructor(options: LogFilterOptions) {
    this.#options = options;
    this.#error = options.sampleDeviation ** 2;
  }

  observe(value: number, weight: number, atMs: number): void {
    if (!(value > 0) || !Number.isFinite(value) || !(weight > LEAST_WEIGHT)) return;
    const { sampleDeviation, driftPerSample, surpriseUp, surpriseDown } = this.#options;
    const sampleVariance = Math.max(sampleDeviation ** 2, this.#scatter) / Math.min(1, weight);
    if (this.#weight === 0) {
      this.#log = Math.log(value);
      this.#variance = sampleVariance;
    } else {
      let variance = this.#varianceAt(atMs) + driftPerSample ** 2;
      const off = Math.min(MAX_UP, Math.max(-MAX_DOWN, Math.log(value) - this.#log));
      this.#error = this.#error * SCATTER_KEEP + off ** 2 * (1 - SCATTER_KEEP);
      const isSurprise = off ** 2 > SURPRISE * (variance + sampleVariance);
      if (isSurprise) variance = Math.max(variance, off ** 2);
      else this.#learnScatter(Math.max(0, off ** 2 - variance) * Math.min(1, weight));
      const share = variance / (variance + sampleVariance);
      const confirmed = this.#surprised === Math.sign(off);
      const believed = isSurprise && !confirmed ? Math.min(share, off > 0 ? surpriseUp : surpriseDown) : share;
      this.#log += believed * off;
      this.#variance = (1 - believed) * variance;
      this.#surprised = isSurprise ? Math.sign(off) : 0;
    }
    this.#weight += weight;
    this.#lastAtMs = atMs;
  }

  /** `undefined` before the first sample. */
  get value(): number | undefined {
    return this.#weight > 0 ? Math.exp(this.#log) : undefined;
  }

  /** Whether the last sample was far off: a step, or an outlier, which the next one will tell. */
  get isSurprised(): boolean {
    return this.#surprised !== 0;
  }

  /** Sum of the weights of all samples. */
  get weight(): number {
    return this.#weight;
  }

  /** ms since the last sample; a clock that was set back makes nothing younger than new. */
  ageMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#lastAtMs);
  }

  /**
   * Standard deviation of the logarithm, which for small values is the relative error: by how much the predictions of
   * the last samples were off, more with age.
   */
  deviation(nowMs: number): number {
    const seconds = this.ageMs(nowMs) / 1000;
    return Math.sqrt(this.#error * (1 + seconds) + AGEING_PER_SECOND ** 2 * seconds);
  }

  /** @param square what a sample of weight 1 was off by beyond what the quantity itself may have moved. */
  #learnScatter(square: number): void {
    this.#scatter = this.#scatter * SCATTER_KEEP + square * (1 - SCATTER_KEEP);
  }

  #varianceAt(nowMs: number): number {
    return this.#variance + (this.#options.driftPerSecond ** 2 * this.ageMs(nowMs)) / 1000;
  }
}
