/** Rate of a link over time: piecewise constant, in bytes per ms; what has an end begins again from its start. */
export class RateTrace {
  readonly #startsMs: Float64Array;
  readonly #rates: Float64Array;
  /** Bytes that pass from 0 to the start of each segment. */
  readonly #before: Float64Array;
  readonly #periodMs: number;
  readonly #periodBytes: number;

  /**
   * @param segments in ascending order, the first from 0
   * @param periodMs end of the last one; `Infinity` when it lasts for ever
   * @throws RangeError when nothing ever passes, or the order is not ascending
   */
  constructor(segments: readonly { readonly startMs: number; readonly rate: number }[], periodMs: number) {
    this.#startsMs = Float64Array.from(segments, ({ startMs }) => startMs);
    this.#rates = Float64Array.from(segments, ({ rate }) => rate);
    this.#before = new Float64Array(segments.length);
    this.#periodMs = periodMs;
    for (let index = 1; index < segments.length; index++) {
      const passedMs = at(this.#startsMs, index) - at(this.#startsMs, index - 1);
      if (!(passedMs > 0)) throw new RangeError(`segment ${index} of a trace does not begin after the one before`);
      this.#before[index] = at(this.#before, index - 1) + passedMs * at(this.#rates, index - 1);
    }
    const last = segments.length - 1;
    if (last < 0 || at(this.#startsMs, 0) !== 0 || !(periodMs > at(this.#startsMs, last))) {
      throw new RangeError('a trace needs a segment from 0 on, and an end after the start of its last segment');
    }
    this.#periodBytes = Number.isFinite(periodMs)
      ? at(this.#before, last) + (periodMs - at(this.#startsMs, last)) * at(this.#rates, last)
      : Number.POSITIVE_INFINITY;
    const everPasses = Number.isFinite(periodMs) ? this.#periodBytes > 0 : at(this.#rates, last) > 0;
    if (!everPasses || this.#rates.some((rate) => !(rate >= 0)))
      throw new RangeError('a trace on which nothing passes');
  }

  static constant(bytesPerMs: number): RateTrace {
    return new RateTrace([{ startMs: 0, rate: bytesPerMs }], Number.POSITIVE_INFINITY);
  }

  /** The same with every rate so many times as large. */
  scaled(factor: number): RateTrace {
    const segments = Array.from(this.#startsMs, (startMs, index) => ({
      startMs,
      rate: at(this.#rates, index) * factor,
    }));
    return new RateTrace(segments, this.#periodMs);
  }

  get isConstant(): boolean {
    return this.#rates.length === 1;
  }

  rateAt(atMs: number): number {
    return at(this.#rates, this.#segmentAt(this.#withinPeriod(atMs)));
  }

  /** Bytes that pass from 0 to `atMs`. */
  bytesUntil(atMs: number): number {
    if (this.isConstant) return atMs * at(this.#rates, 0);
    const withinMs = this.#withinPeriod(atMs);
    const index = this.#segmentAt(withinMs);
    const rounds = Number.isFinite(this.#periodMs) ? Math.round((atMs - withinMs) / this.#periodMs) : 0;
    const whole = rounds === 0 ? 0 : rounds * this.#periodBytes;
    return whole + at(this.#before, index) + (withinMs - at(this.#startsMs, index)) * at(this.#rates, index);
  }

  /** When so many bytes have passed that began to at `startMs`. */
  finishAt(startMs: number, numBytes: number): number {
    if (this.isConstant) return startMs + numBytes / at(this.#rates, 0);
    if (!(numBytes > 0)) return startMs;
    const target = this.bytesUntil(startMs) + numBytes;
    const rounds = Number.isFinite(this.#periodMs) ? Math.floor(target / this.#periodBytes) : 0;
    const within = rounds === 0 ? target : target - rounds * this.#periodBytes;
    // The last segment before which fewer bytes have passed: what arrives in it, not in an outage after it.
    let low = 0;
    let high = this.#before.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (at(this.#before, middle) < within) low = middle;
      else high = middle - 1;
    }
    const rate = at(this.#rates, low);
    const offsetMs = rate > 0 ? (within - at(this.#before, low)) / rate : 0;
    const finishMs = (rounds === 0 ? 0 : rounds * this.#periodMs) + at(this.#startsMs, low) + offsetMs;
    return Math.max(startMs, finishMs);
  }

  /**
   * The rate that somebody knows who sees the link but not its future: the mean of the last `windowMs`, or of a longer
   * time when nothing passed in it.
   */
  recentRate(atMs: number, windowMs: number): number {
    if (this.isConstant) return at(this.#rates, 0);
    for (let spanMs = windowMs; ; spanMs *= 2) {
      const fromMs = Math.max(0, atMs - spanMs);
      const passed = this.bytesUntil(atMs) - this.bytesUntil(fromMs);
      if (passed > 0 && atMs > fromMs) return passed / (atMs - fromMs);
      if (fromMs === 0) return Math.max(1, this.rateAt(atMs));
    }
  }

  #withinPeriod(atMs: number): number {
    return Number.isFinite(this.#periodMs) ? atMs % this.#periodMs : atMs;
  }

  #segmentAt(withinMs: number): number {
    let low = 0;
    let high = this.#startsMs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (at(this.#startsMs, middle) <= withinMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function at(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}
