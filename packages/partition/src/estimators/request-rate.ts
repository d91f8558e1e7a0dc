import { Ewma } from './ewma.js';

/** In intervals between inferences. */
const HALF_LIFE = 4;
/** A longer pause is a pause, and no interval of a series. */
const MAX_INTERVAL_MS = 10_000;

/** How often inferences are asked for. */
export class RequestRate {
  readonly #intervalMs = new Ewma(HALF_LIFE);
  #lastAtMs: number | undefined;

  asked(atMs: number): void {
    const passedMs = this.#lastAtMs === undefined ? 0 : atMs - this.#lastAtMs;
    if (passedMs > 0 && passedMs < MAX_INTERVAL_MS) this.#intervalMs.observe(passedMs);
    this.#lastAtMs = atMs;
  }

  /** 0 while nothing is known, or nobody asks. */
  perMs(nowMs: number): number {
    const intervalMs = this.#intervalMs.value;
    if (intervalMs === undefined || nowMs - (this.#lastAtMs ?? nowMs) > MAX_INTERVAL_MS) return 0;
    return 1 / intervalMs;
  }
}
