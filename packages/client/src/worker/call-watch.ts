import type { Clock } from '../clock.js';
import type { Call } from './messages.js';

/**
 * How long the worker may be at one call, from the moment it begins. Generous: a graphics device in software takes a
 * minute to build and warm up a head. What takes longer is frozen.
 */
export const CALL_LIMITS_MS: Readonly<Record<Call['type'], number>> = {
  /** With the worker's own script, and the wait for an adapter. */
  probe: 30_000,
  /** 27 MB at most, on a link of 150 KB/s; a slower one is given longer with each try. */
  load: 180_000,
  create: 180_000,
  run: 120_000,
  release: 30_000,
};

interface Posted {
  readonly id: number;
  readonly call: Call;
}

/**
 * The calls that a worker has not answered. It does one at a time in the order of posting, so the first is the one it is
 * at, since the last one was answered.
 */
export class CallWatch {
  readonly #clock: Clock;
  readonly #limitMs: (call: Call) => number;
  readonly #onOverdue: (call: Call, limitMs: number) => void;
  #posted: Posted[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, limitMs: (call: Call) => number, onOverdue: (call: Call, limitMs: number) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onOverdue = onOverdue;
  }

  posted(id: number, call: Call): void {
    this.#posted.push({ id, call });
    if (this.#posted.length === 1) this.#begin();
  }

  answered(id: number): void {
    if (this.#posted[0]?.id !== id) return;
    this.#posted.shift();
    this.#begin();
  }

  /** The worker is gone. */
  clear(): void {
    this.#posted = [];
    this.#begin();
  }

  #begin(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const [first] = this.#posted;
    if (!first) return;
    const limitMs = this.#limitMs(first.call);
    this.#cancel = this.#clock.after(limitMs, () => this.#onOverdue(first.call, limitMs));
  }
}
