/**
 * Exponentially weighted moving average with a half-life in units of weight, after hls.js: a sample of weight w
 * moves the average as far as w samples of weight 1. Unbiased from the first sample on.
 */
export class Ewma {
  readonly #halfLife: number;
  #average = 0;
  #weight = 0;

  constructor(halfLife: number) {
    this.#halfLife = halfLife;
  }

  observe(value: number, weight = 1): void {
    if (!(weight > 0) || !Number.isFinite(value)) return;
    const keep = 0.5 ** (weight / this.#halfLife);
    this.#average = value * (1 - keep) + this.#average * keep;
    this.#weight = 1 - keep + this.#weight * keep;
  }

  /** `undefined` before the first sample. */
  get value(): number | undefined {
    return this.#weight > 0 ? this.#average / this.#weight : undefined;
  }
}
