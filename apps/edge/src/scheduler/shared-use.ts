import { RecentUse } from './recent-use.js';

/** Whose work is. */
export interface Owners {
  /** Whose share of the edge it takes: clients share the workers. */
  readonly client: object;
  /** Where it came from: the connections of a client share what that has. */
  readonly connection: object;
}

/** Who had so much more than others of the same kind that it waits for them; `turnMs` is what its next turn would take. */
export interface Judgement {
  client(owners: Owners, turnMs: number): boolean;
  /** Compared with the other connections of its client. */
  connection(owners: Owners, turnMs: number): boolean;
}

/** Time of workers that each client had lately, and within each client its connections. */
export class SharedUse {
  readonly #clients = new RecentUse();
  readonly #connections = new WeakMap<object, RecentUse>();

  add({ client, connection }: Owners, ms: number, nowMs: number): void {
    this.#clients.add(client, ms, nowMs);
    this.#within(client).add(connection, ms, nowMs);
  }

  forgetClient(client: object): void {
    this.#clients.forget(client);
  }

  forgetConnection({ client, connection }: Owners): void {
    this.#within(client).forget(connection);
  }

  /** As of now. */
  judge(nowMs: number): Judgement {
    const clients = this.#clients.judge(nowMs);
    const connections = new Map<object, ReturnType<RecentUse['judge']>>();
    return {
      client: ({ client }, turnMs) => clients(client, turnMs),
      connection: ({ client, connection }, turnMs) => {
        const siblings = connections.get(client) ?? this.#within(client).judge(nowMs);
        connections.set(client, siblings);
        return siblings(connection, turnMs);
      },
    };
  }

  #within(client: object): RecentUse {
    const use = this.#connections.get(client) ?? new RecentUse();
    this.#connections.set(client, use);
    return use;
  }
}
