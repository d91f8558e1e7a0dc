import type { Clock } from '../clock.js';

interface Asked {
  readonly expectedMs: number;
  /** When all before it had ended; absent while it waits. */
  beganMs: number | undefined;
}

/** What was asked of somebody who does one thing at a time, and what each was expected to take. */
export class Backlog {
  readonly #clock: Clock;
  #asked: readonly Asked[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#asked.length;
  }

  /** ms until all of it is done. What takes longer than expected is expected to end now. */
  get aheadMs(): number {
    const nowMs = this.#clock.now();
    return this.#asked.reduce(
      (sum, { expectedMs, beganMs = nowMs }) => sum + Math.max(0, expectedMs - (nowMs - beganMs)),
      0,
    );
  }

  /** @returns what the task gives, and the ms until all that was asked before had ended */
  async run<T>(expectedMs: number, task: () => Promise<T>): Promise<{ readonly value: T; readonly waitMs: number }> {
    const askedMs = this.#clock.now();
    const asked: Asked = { expectedMs, beganMs: this.size === 0 ? askedMs : undefined };
    this.#asked = [...this.#asked, asked];
    try {
      return { value: await task(), waitMs: (asked.beganMs ?? askedMs) - askedMs };
    } finally {
      this.#asked = this.#asked.filter((other) => other !== asked);
      const [next] = this.#asked;
      if (next) next.beganMs ??= this.#clock.now();
    }
  }
}
