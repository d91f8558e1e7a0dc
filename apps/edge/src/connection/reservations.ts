import { type InferMessage, ProtocolError, type ReserveMessage } from '@cutpoint/protocol';
import type { Place } from '../scheduler/scheduler.js';
import type { Owners } from '../scheduler/shared-use.js';
import { type Admitted, findTail } from './admission.js';
import type { Client } from './clients.js';
import type { ConnectionContext } from './context.js';

interface Reservation {
  readonly message: ReserveMessage;
  readonly place: Place;
  readonly atMs: number;
}

/** Places in the queue that one connection holds for requests which are still to come, by their ids. */
export class Reservations {
  readonly #context: ConnectionContext;
  readonly #owners: Owners;
  readonly #held = new Map<number, Reservation>();

  /** @param owners in whose name the places are taken. */
  constructor(context: ConnectionContext, owners: Owners) {
    this.#context = context;
    this.#owners = owners;
  }

  get size(): number {
    return this.#held.size;
  }

  has(id: number): boolean {
    return this.#held.has(id);
  }

  /**
   * Nobody waits for the answer to a reservation, so one that cannot be held is not: its request will hear why.
   * @param unanswered requests of this connection.
   */
  hold(message: ReserveMessage, client: Client, unanswered: number, atMs: number): void {
    const { limits, models, isStopping } = this.#context;
    if (isStopping() || unanswered + this.size >= limits.maxInFlight) return;
    if (client.numUnanswered + client.numReserved >= limits.maxInFlightPerClient) return;
    const found = findTail(message, models);
    if (found instanceof ProtocolError) return;
    this.#held.set(message.id, { message, place: this.#takePlace(found), atMs });
  }

  /** The place of a request that has come: what was held for it, now its own, or one that it takes now. */
  placeFor(message: InferMessage, admitted: Admitted): Place {
    const held = this.#held.get(message.id);
    if (held !== undefined && isOfSameTail(held.message, message)) {
      this.#held.delete(message.id);
      return held.place;
    }
    this.release(message.id);
    return this.#takePlace(admitted);
  }

  release(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#context.scheduler.release(held.place);
  }

  /** Gives back what was held for `forMs` without its request. */
  expire(nowMs: number, forMs: number): void {
    for (const [id, { atMs }] of this.#held) if (nowMs - atMs >= forMs) this.release(id);
  }

  clear(): void {
    for (const id of [...this.#held.keys()]) this.release(id);
  }

  #takePlace({ model, served }: Admitted): Place {
    const { scheduler, idleTailMs } = this.#context;
    return scheduler.reserve({ ...this.#owners, model, idleMs: idleTailMs(served) });
  }
}

function isOfSameTail(reserved: ReserveMessage, { model, table, cut }: InferMessage): boolean {
  return reserved.model === model && reserved.table === table && reserved.cut === cut;
}
