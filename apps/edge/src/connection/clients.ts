import { TokenBucket } from './token-bucket.js';

/** So long after it had anything here it is still known who had much: three half-lives of that. */
const REMEMBERED_MS = 30_000;
/** Of those who are gone; the longest gone are forgotten first. */
const MAX_REMEMBERED = 4_096;

/** What a client has on one of its connections. */
export interface ClientConnection {
  /** Requests that were announced and not answered. */
  readonly numUnanswered: number;
  /** Places in the queue that are held for requests which are still to come. */
  readonly numReserved: number;
}

/** Whoever is behind some connections: an address, or the subject of a JWT. Its shares and limits hold for all of them together. */
export class Client {
  readonly connections = new Set<ClientConnection>();
  readonly messages: TokenBucket;
  /** Unanswered requests over plain HTTP. */
  numCalls = 0;

  constructor(maxMessagesPerS: number, nowMs: number) {
    this.messages = new TokenBucket(maxMessagesPerS, nowMs);
  }

  get numUnanswered(): number {
    let sum = this.numCalls;
    for (const { numUnanswered } of this.connections) sum += numUnanswered;
    return sum;
  }

  get numReserved(): number {
    let sum = 0;
    for (const { numReserved } of this.connections) sum += numReserved;
    return sum;
  }
}

export interface ClientsOptions {
  readonly maxMessagesPerS: number;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Nothing is known of it any more. */
  readonly onForgotten: (client: Client) => void;
}

/**
 * The clients that are connected, or wait for an answer over plain HTTP, and those that did so lately: what a client had is
 * not forgotten because it connects anew.
 */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #clients = new Map<string, Client>();
  /** When those who are gone went, the longest gone first. */
  readonly #goneAtMs = new Map<string, number>();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  numConnections(key: string): number {
    return this.#clients.get(key)?.connections.size ?? 0;
  }

  /** The client of this key, for as long as it has something here, or is remembered. */
  join(key: string): Client {
    const { maxMessagesPerS, clock } = this.#options;
    this.#forget();
    const client = this.#clients.get(key) ?? new Client(maxMessagesPerS, clock());
    this.#clients.set(key, client);
    this.#noteWhetherGone(key, client);
    return client;
  }

  connect(key: string, connection: ClientConnection): void {
    const client = this.join(key);
    client.connections.add(connection);
    this.#noteWhetherGone(key, client);
  }

  leave(key: string, connection: ClientConnection): void {
    const client = this.join(key);
    client.connections.delete(connection);
    this.#noteWhetherGone(key, client);
  }

  /** Counts a request over plain HTTP. @returns to be called once, when it is over */
  countIn(key: string): () => void {
    const client = this.join(key);
    client.numCalls += 1;
    this.#noteWhetherGone(key, client);
    return () => {
      client.numCalls -= 1;
      this.#noteWhetherGone(key, client);
    };
  }

  #noteWhetherGone(key: string, client: Client): void {
    this.#goneAtMs.delete(key);
    if (client.connections.size === 0 && client.numCalls === 0) this.#goneAtMs.set(key, this.#options.clock());
  }

  #forget(): void {
    const oldestMs = this.#options.clock() - REMEMBERED_MS;
    for (const [key, atMs] of this.#goneAtMs) {
      if (atMs >= oldestMs && this.#goneAtMs.size <= MAX_REMEMBERED) return;
      const client = this.#clients.get(key);
      this.#goneAtMs.delete(key);
      this.#clients.delete(key);
      if (client !== undefined) this.#options.onForgotten(client);
    }
  }
}
