import type { Socket } from 'node:net';

/**
 * Sockets on which a client was let in and asks over HTTP, so that one that opens many leaves some for others. Its WebSockets are
 * counted elsewhere, and so are sockets on which nobody was let in yet.
 */
export class ClientSockets {
  readonly #maxPerClient: number;
  readonly #byClient = new Map<string, Set<Socket>>();
  #size = 0;
  #refused = 0;

  constructor(maxPerClient: number) {
    this.#maxPerClient = maxPerClient;
  }

  /** One that several clients use counts for each of them. */
  get size(): number {
    return this.#size;
  }

  /** Sockets that clients had too many of, so far. */
  get refused(): number {
    return this.#refused;
  }

  /** @returns whether the client may ask on this socket; it is counted until it closes, then. */
  use(key: string, socket: Socket): boolean {
    const sockets = this.#byClient.get(key) ?? new Set();
    if (sockets.has(socket)) return true;
    if (sockets.size >= this.#maxPerClient) {
      this.#refused += 1;
      return false;
    }
    // Of its close nobody would hear any more.
    if (socket.destroyed) return true;
    this.#byClient.set(key, sockets.add(socket));
    this.#size += 1;
    socket.once('close', () => {
      sockets.delete(socket);
      this.#size -= 1;
      if (sockets.size === 0) this.#byClient.delete(key);
    });
    return true;
  }
}
