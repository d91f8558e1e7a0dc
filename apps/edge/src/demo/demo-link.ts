import { type Pace, PacedLink } from '@cutpoint/protocol';
import type { OutboxSocket } from '../connection/outbox.js';
import { Leases } from './leases.js';

const CLOCK = {
  now: () => performance.now(),
  after: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
/** A client that is so far ahead of its link is not read for a while, so that what it sends does not pile up here. */
const MOST_AHEAD_MS = 500;

/** The links of the clients that asked for slower ones. */
export class DemoLinks {
  readonly #leases = new Leases<Pace>((client) => this.#follow(client));
  readonly #links = new Map<string, Set<PacedLink>>();

  want(client: string, pace: Pace | undefined, forMs: number): void {
    if (pace === undefined) this.#leases.end(client);
    else this.#leases.hold(client, pace, forMs);
  }

  wantedBy(client: string): Pace | undefined {
    return this.#leases.get(client);
  }

  /** The link of a connection that has just come. */
  open(client: string): PacedLink {
    const link = new PacedLink(CLOCK);
    link.set(this.#leases.get(client));
    const links = this.#links.get(client) ?? new Set();
    this.#links.set(client, links.add(link));
    return link;
  }

  closed(client: string, link: PacedLink): void {
    link.clear();
    const links = this.#links.get(client);
    links?.delete(link);
    if (links?.size === 0) this.#links.delete(client);
  }

  close(): void {
    this.#leases.close();
  }

  #follow(client: string): void {
    for (const link of this.#links.get(client) ?? []) link.set(this.#leases.get(client));
  }
}

/** How long a client may not be read, because of what it has sent already. */
export function holdBackMs(link: PacedLink): number {
  return Math.max(0, link.up.behindMs - MOST_AHEAD_MS);
}

/** A socket whose sending side is as slow as its link. */
export function pacedSocket(socket: OutboxSocket, { down }: PacedLink): OutboxSocket {
  let onTheWay = 0;
  return {
    get bufferedAmount() {
      return onTheWay + socket.bufferedAmount;
    },
    send(data, done) {
      const numBytes = data.length;
      onTheWay += numBytes;
      down.push(numBytes, () => {
        onTheWay -= numBytes;
        socket.send(data, done);
      });
    },
    close: (code, reason) => down.push(0, () => socket.close(code, reason)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}
