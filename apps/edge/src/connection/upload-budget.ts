/** A client holds at most this share of all, so that a few slow ones cannot keep everybody else out, */
const CLIENT_SHARE = 1 / 4;
/** and one of its connections this share of all, so that one of several users of an address leaves something to the others. */
const CONNECTION_SHARE = 1 / 8;

/** In whose name bytes are held. */
export interface Holder {
  readonly client: object;
  readonly connection: object;
}

/** Bytes of requests that are held in memory, over all connections. */
export class UploadBudget {
  readonly #maxBytes: number;
  readonly #clients: Shares;
  readonly #connections: Shares;
  #heldBytes = 0;

  /** @param maxRequestBytes but always one request of this size. */
  constructor(maxBytes: number, maxRequestBytes: number) {
    this.#maxBytes = maxBytes;
    this.#clients = new Shares(Math.max(maxBytes * CLIENT_SHARE, maxRequestBytes));
    this.#connections = new Shares(Math.max(maxBytes * CONNECTION_SHARE, maxRequestBytes));
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes the bytes, or says what they go beyond and takes none. A single request is let in when nothing else is held.
   * @param ownBytes that the same request holds already: it takes more as it grows.
   */
  take({ client, connection }: Holder, numBytes: number, ownBytes = 0): 'taken' | 'beyond-share' | 'beyond-all' {
    if (!this.#clients.hasRoom(client, numBytes, ownBytes)) return 'beyond-share';
    if (!this.#connections.hasRoom(connection, numBytes, ownBytes)) return 'beyond-share';
    if (this.#heldBytes > ownBytes && this.#heldBytes + numBytes > this.#maxBytes) return 'beyond-all';
    this.#clients.add(client, numBytes);
    this.#connections.add(connection, numBytes);
    this.#heldBytes += numBytes;
    return 'taken';
  }

  give({ client, connection }: Holder, numBytes: number): void {
    this.#clients.add(client, -numBytes);
    this.#connections.add(connection, -numBytes);
    this.#heldBytes -= numBytes;
  }
}

/** Bytes by holder, of each at most so many. */
class Shares {
  readonly #maxBytes: number;
  readonly #heldBy = new Map<object, number>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  hasRoom(holder: object, numBytes: number, ownBytes: number): boolean {
    const held = this.#heldBy.get(holder) ?? 0;
    return held <= ownBytes || held + numBytes <= this.#maxBytes;
  }

  add(holder: object, numBytes: number): void {
    const held = (this.#heldBy.get(holder) ?? 0) + numBytes;
    if (held > 0) this.#heldBy.set(holder, held);
    else this.#heldBy.delete(holder);
  }
}
