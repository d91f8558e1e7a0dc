/** A queue is a thing of a second or so: half of what is known is younger than this. */
const HALF_LIFE_MS = 1_000;

/** What keeps the workers of an edge busy, in the mean of the last second or so. */
export interface ServiceShare {
  /** Share of its time that a worker spends on tails, 0..1 in the long run. */
  readonly busy: number;
  /** ms of work that is left, at a random moment, of the tail that a worker runs; counts as 0 while it runs none. */
  readonly residualMs: number;
}

/**
 * How busy workers are, and for how long the tail that one finds running goes on. A tail of S ms is found by S ms of all
 * moments, and at these it has S/2 ms left in the mean: so both are sums over tails, of S and of S²/2, divided by the time
 * (the mean residual service time of renewal theory; Kleinrock, "Queueing Systems" 1, 1975, section 5.2).
 *
 * The sums decay with a half-life; in a steady state a sum is rate × half-life ÷ ln 2.
 */
export class ServiceLoad {
  readonly #workers: number;
  #serviceMs = 0;
  #halfSquares = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** @param workers that share the work; the figures are those of each. */
  constructor(workers = 1) {
    this.#workers = workers;
  }

  /** @param serviceMs for which a tail kept its worker; negative ones and those that are no number are ignored. */
  observe(serviceMs: number, atMs: number): void {
    if (!(serviceMs >= 0) || !Number.isFinite(serviceMs)) return;
    const keep = this.#kept(atMs);
    this.#serviceMs = this.#serviceMs * keep + serviceMs;
    this.#halfSquares = this.#halfSquares * keep + serviceMs ** 2 / 2;
    this.#atMs = Math.max(atMs, this.#atMs);
  }

  at(nowMs: number): ServiceShare {
    const perMs = (this.#kept(nowMs) * Math.LN2) / HALF_LIFE_MS / this.#workers;
    return { busy: this.#serviceMs * perMs, residualMs: this.#halfSquares * perMs };
  }

  #kept(atMs: number): number {
    return this.#serviceMs === 0 ? 0 : 2 ** (-Math.max(0, atMs - this.#atMs) / HALF_LIFE_MS);
  }
}

/**
 * Mean ms until one of the workers is free, when each is as busy as that on its own: all have to be, and the first of
 * their residual times ends the wait, which for W tails of like length is 2/(W + 1) of one in the mean. With one worker it is the
 * residual time itself.
 */
export function waitForWorker({ busy, residualMs }: ServiceShare, workers: number): number {
  if (!(busy > 0) || !(residualMs > 0)) return 0;
  const share = Math.min(1, busy);
  return (share ** workers * 2 * (residualMs / share)) / (workers + 1);
}
