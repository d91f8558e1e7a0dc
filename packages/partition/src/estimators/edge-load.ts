import type { Estimate } from '../conditions.js';

/** What a load report of the edge says of one model. */
export interface EdgeLoad {
  /** ms that a request arriving now would wait before its tail starts. */
  readonly queueMs: number;
  /** Load factor of this model; left out when the edge has none yet. */
  readonly k?: number;
}

/** The edge pushes on change, so a report holds for a while; a queue is a thing of seconds, a load of tens. */
const QUEUE_FRESH_MS = 1_000;
const QUEUE_HALF_LIFE_MS = 1_000;
const K_FRESH_MS = 5_000;
const K_HALF_LIFE_MS = 5_000;

/** Queue delay q and load factor k, as last reported; both relax to those of an idle edge as the report ages. */
export class EdgeLoadTracker {
  #queueMs = 0;
  #queueAtMs = Number.NEGATIVE_INFINITY;
  #k = 1;
  #kAtMs = Number.NEGATIVE_INFINITY;

  observe(load: EdgeLoad, atMs: number): void {
    if (load.queueMs >= 0 && Number.isFinite(load.queueMs)) {
      this.#queueMs = load.queueMs;
      this.#queueAtMs = atMs;
    }
    if (load.k !== undefined && load.k > 0 && Number.isFinite(load.k)) {
      this.#k = load.k;
      this.#kAtMs = atMs;
    }
  }

  queue(nowMs: number): Estimate {
    const ageMs = Math.max(0, nowMs - this.#queueAtMs);
    return {
      value: this.#queueMs * remaining(ageMs, QUEUE_FRESH_MS, QUEUE_HALF_LIFE_MS),
      ageMs,
      confident: ageMs <= QUEUE_FRESH_MS,
    };
  }

  k(nowMs: number): Estimate {
    const ageMs = Math.max(0, nowMs - this.#kAtMs);
    return {
      value: this.#k ** remaining(ageMs, K_FRESH_MS, K_HALF_LIFE_MS),
      ageMs,
      confident: ageMs <= K_FRESH_MS,
    };
  }
}

function remaining(ageMs: number, freshMs: number, halfLifeMs: number): number {
  return ageMs <= freshMs ? 1 : 0.5 ** ((ageMs - freshMs) / halfLifeMs);
}
