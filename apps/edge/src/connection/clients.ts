import { TokenBucket } from './token-bucket.js';

/** What a client has on one of its connections. */
export interface ClientConnection {
  /** Requests that were announced and not answered. */
  readonly numUnanswered: number;
}

/** Whoever is behind some connections: an address, or the subject of a JWT. Its limits hold for all of them together. */
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
}

/** The clients that are connected now, or wait for an answer over plain HTTP. */
export class Clients {
  readonly #clients = new Map<string, Client>();
  readonly #maxMessagesPerS: number;
  readonly #clock: () => number;

  constructor(maxMessagesPerS: number, clock: () => number) {
    this.#maxMessagesPerS = maxMessagesPerS;
    this.#clock = clock;
  }

  numConnections(key: string): number {
    return this.#clients.get(key)?.connections.size ?? 0;
  }

  numUnanswered(key: string): number {
    return this.#clients.get(key)?.numUnanswered ?? 0;
  }

  join(key: string): Client {
    const client = this.#clients.get(key) ?? new Client(this.#maxMessagesPerS, this.#clock());
    this.#clients.set(key, client);
    return client;
  }

  leave(key: string, connection: ClientConnection): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    client.connections.delete(connection);
    this.#forgetIfGone(key, client);
  }

  /** Counts a request over plain HTTP. @returns to be called once, when it is over */
  countIn(key: string): () => void {
    const client = this.join(key);
    client.numCalls += 1;
    return () => {
      client.numCalls -= 1;
      this.#forgetIfGone(key, client);
    };
  }

  #forgetIfGone(key: string, client: Client): void {
    if (client.connections.size === 0 && client.numCalls === 0) this.#clients.delete(key);
  }
}
