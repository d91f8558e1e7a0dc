import type { FastifyRateLimitStore } from '@fastify/rate-limit';

/**
 * Counts of one window, the same for all clients. The plugin's own store reads the wall clock, and would keep clients out
 * for an hour after somebody set that back by one.
 */
export class WindowStore implements FastifyRateLimitStore {
  #counts = new Map<string, number>();
  #endsAtMs = Number.NEGATIVE_INFINITY;

  incr(
    key: string,
    done: (error: null, result: { readonly current: number; readonly ttl: number }) => void,
    windowMs: number,
  ): void {
    const nowMs = performance.now();
    if (nowMs >= this.#endsAtMs) {
      this.#counts = new Map();
      this.#endsAtMs = nowMs + windowMs;
    }
    const current = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, current);
    done(null, { current, ttl: this.#endsAtMs - nowMs });
  }

  child(): this {
    return this;
  }
}
