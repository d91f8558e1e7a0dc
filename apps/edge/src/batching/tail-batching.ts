import type { Batching } from '../scheduler/job.js';
import type { ServedCut } from '../server/served-version.js';
import { pays, type Slowdowns, slowdownAt } from './slowdowns.js';

/** Inputs of one run together, decoded: they are copied to one place, and activations grow with them. */
const MAX_STACKED_BYTES = 16 * 1024 * 1024;

/** What is known of running several requests of one tail at once. Nothing is done before it is known. */
export class TailBatching implements Batching {
  /** As it was asked for last; versions of a model may share it. */
  served: ServedCut;
  readonly #limit: number;
  #slowdowns: Slowdowns = [];
  #state: 'unread' | 'open' | 'settled' = 'unread';
  #isWanted = false;

  /** @param limit requests in one run, whatever pays */
  constructor(served: ServedCut, inputBytes: number, limit: number) {
    this.served = served;
    this.#limit = Math.min(limit, Math.floor(MAX_STACKED_BYTES / Math.max(1, inputBytes)));
    if (this.#limit < 2) this.#state = 'settled';
  }

  get maxSize(): number {
    return this.#slowdowns.at(-1)?.[0] ?? 1;
  }

  get slowdowns(): Slowdowns {
    return this.#slowdowns;
  }

  slowdown(size: number): number {
    return slowdownAt(this.#slowdowns, size);
  }

  met(): void {
    this.#isWanted = true;
  }

  /** The size to try next; `undefined` when nothing is to be found out, or nobody asked. */
  get nextSize(): number | undefined {
    return this.#isWanted && this.#state === 'open' ? 2 * this.maxSize : undefined;
  }

  /** What was found before; `undefined` when nothing was. */
  remembered(slowdowns: Slowdowns | undefined): void {
    if (this.#state !== 'unread') return;
    this.#state = slowdowns === undefined ? 'open' : 'settled';
    this.#slowdowns = slowdowns ?? [];
  }

  /** @returns whether that was all there is to find out */
  tried(size: number, slowdown: number): boolean {
    // Never less than one by itself, and never slower than one after the other: what says so is noise.
    const found = [size, Math.min(size, Math.max(1, slowdown))] as const;
    const isBetter = pays(this.#slowdowns, found);
    if (isBetter) this.#slowdowns = [...this.#slowdowns, found];
    if (!isBetter || 2 * size > this.#limit) this.#state = 'settled';
    return this.#state === 'settled';
  }

  /** Requests of this tail run by themselves from now on. */
  giveUp(): void {
    this.#slowdowns = [];
    this.#state = 'settled';
  }
}
