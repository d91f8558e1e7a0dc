import type { FrameSink } from './exchange.js';

/** The tail whose place is held. */
export interface ReservedTail {
  readonly model: string;
  readonly table: string;
  readonly cut: number;
}

/** A place in the edge's queue, held from the decision on; the request of the same tail takes it over. */
export interface Reservation {
  readonly id: number;
  /** Gives back what no request took over; does nothing when one did, or when the connection is gone. */
  release(): void;
}

/** Places that are held over one open socket for requests which were not sent yet, by their ids. */
export class Reservations {
  readonly #sink: Pick<FrameSink, 'sendText'>;
  readonly #held = new Map<number, Reservation>();

  constructor(sink: Pick<FrameSink, 'sendText'>) {
    this.#sink = sink;
  }

  get size(): number {
    return this.#held.size;
  }

  hold(id: number, { model, table, cut }: ReservedTail): Reservation {
    const reservation: Reservation = { id, release: () => this.#release(id) };
    this.#held.set(id, reservation);
    this.#sink.sendText(JSON.stringify({ type: 'reserve', id, model, table, cut }));
    return reservation;
  }

  /** Whether it is held here and now: it may be of an earlier socket, whose ids mean nothing on this one. */
  holds(reservation: Reservation): boolean {
    return this.#held.get(reservation.id) === reservation;
  }

  has(id: number): boolean {
    return this.#held.has(id);
  }

  /** Its request was sent: what becomes of it now is the request's affair. */
  used(id: number): void {
    this.#held.delete(id);
  }

  /** The socket is gone, and all that was held over it. */
  clear(): void {
    this.#held.clear();
  }

  #release(id: number): void {
    // Nobody answers this: only a request is answered.
    if (this.#held.delete(id)) this.#sink.sendText(JSON.stringify({ type: 'cancel', id }));
  }
}
