import type { InferMessage, ReserveMessage } from '@cutpoint/protocol';
import type { Place, Scheduler } from '../scheduler/scheduler.js';

interface Reservation {
  readonly message: ReserveMessage;
  readonly place: Place;
  readonly atMs: number;
}

/** Places in the queue that one connection holds for requests which are still to come, by their ids. */
export class Reservations {
  readonly #scheduler: Pick<Scheduler, 'release'>;
  readonly #held = new Map<number, Reservation>();

  constructor(scheduler: Pick<Scheduler, 'release'>) {
    this.#scheduler = scheduler;
  }

  get size(): number {
    return this.#held.size;
  }

  has(id: number): boolean {
    return this.#held.has(id);
  }

  hold(message: ReserveMessage, place: Place, atMs: number): void {
    this.#held.set(message.id, { message, place, atMs });
  }

  /** The place that was held for this request, now its own. One that was held for another tail is given back. */
  claim({ id, model, table, cut }: InferMessage): Place | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    const { message, place } = held;
    if (message.model !== model || message.table !== table || message.cut !== cut) {
      this.release(id);
      return undefined;
    }
    this.#held.delete(id);
    return place;
  }

  release(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#scheduler.release(held.place);
  }

  /** Gives back what was held for `forMs` without its request. */
  expire(nowMs: number, forMs: number): void {
    for (const [id, { atMs }] of this.#held) if (nowMs - atMs >= forMs) this.release(id);
  }

  clear(): void {
    for (const id of [...this.#held.keys()]) this.release(id);
  }
}
