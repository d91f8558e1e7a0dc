import type { Job } from './job.js';
import type { Owners } from './shared-use.js';

/** How many requests wait, and whose; those of the edge itself are none. Counted as they come and go: it is asked for each that comes. */
export class RequestCounts {
  readonly #ofClient = new Map<object, number>();
  readonly #ofConnection = new Map<object, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(job: Job): void {
    this.#count(job, 1);
  }

  remove(job: Job): void {
    this.#count(job, -1);
  }

  /** Of an owner's: the client's and the connection's. */
  of({ client, connection }: Owners): readonly [ofClient: number, ofConnection: number] {
    return [this.#ofClient.get(client) ?? 0, this.#ofConnection.get(connection) ?? 0];
  }

  #count({ isCanary, client, connection }: Job, by: 1 | -1): void {
    if (isCanary === true) return;
    this.#total += by;
    change(this.#ofClient, client, by);
    change(this.#ofConnection, connection, by);
  }
}

function change(counts: Map<object, number>, owner: object, by: number): void {
  const count = (counts.get(owner) ?? 0) + by;
  if (count === 0) counts.delete(owner);
  else counts.set(owner, count);
}
