export interface QueueRules<T> {
  /** Whether its turn may come. It may change while an item is in the queue; it is asked whenever it matters. */
  isReady(item: T): boolean;
  /** Within a client the least goes first; of equals the one that came first. */
  dueAtMs(item: T): number;
  /** Who waits for all others this time: asked once a turn, and what it returns for each client that could have it. */
  judge(): (client: object, item: T) => boolean;
}

/**
 * Turns that one client has in the line at a time. With one, two requests that come together by chance would be torn apart by the
 * whole line; the more there are, the longer can a client that sends many keep the others waiting.
 */
const TURNS = 2;

interface Lane<T> {
  /** In order of arrival. */
  readonly items: T[];
  /** Places in the line, the first first: one for each item, but at most {@link TURNS}. */
  readonly turns: number[];
}

/**
 * Earliest deadline first within one client; between clients turns in order of arrival, of which each has a few at a time. Who
 * has had too much lately waits for all others.
 *
 * What is not ready keeps its turn and lets others go before it.
 */
export class FairQueue<T> {
  readonly #rules: QueueRules<T>;
  /** Of clients with items. */
  readonly #lanes = new Map<object, Lane<T>>();
  #size = 0;
  #nextTurn = 0;

  constructor(rules: QueueRules<T>) {
    this.#rules = rules;
  }

  /** Items, ready or not. */
  get size(): number {
    return this.#size;
  }

  push(client: object, item: T): void {
    const lane = this.#lanes.get(client) ?? { items: [], turns: [] };
    this.#lanes.set(client, lane);
    lane.items.push(item);
    this.#size += 1;
    this.#tidy(client, lane);
  }

  /** The ready item whose turn it is. */
  shift(): T | undefined {
    const waits = this.#rules.judge();
    let next: Turn<T> | undefined;
    for (const [client, lane] of this.#lanes) {
      const item = this.#firstReady(lane);
      if (item === undefined) continue;
      const turn = { client, lane, item, at: lane.turns[0] ?? 0, waits: waits(client, item) };
      if (next === undefined || isBefore(turn, next)) next = turn;
    }
    if (next === undefined) return undefined;
    next.lane.turns.shift();
    this.#take(next.client, next.lane, next.item);
    return next.item;
  }

  remove(client: object, item: T): boolean {
    const lane = this.#lanes.get(client);
    if (lane === undefined || !lane.items.includes(item)) return false;
    this.#take(client, lane, item);
    return true;
  }

  /** What is ready and would be taken before this item if it were ready as well, in that order. */
  ahead(item: T): readonly T[] {
    const { isReady, dueAtMs, judge } = this.#rules;
    const waits = judge();
    const rest = new FairQueue<T>({
      isReady: (other) => other === item || isReady(other),
      dueAtMs,
      judge: () => waits,
    });
    for (const [client, { items, turns }] of this.#lanes) {
      rest.#lanes.set(client, { items: [...items], turns: [...turns] });
    }
    rest.#nextTurn = this.#nextTurn;
    const ahead: T[] = [];
    for (let next = rest.shift(); next !== undefined && next !== item; next = rest.shift()) ahead.push(next);
    return ahead;
  }

  /** Every item, in no promised order. */
  *[Symbol.iterator](): Generator<T, void> {
    for (const { items } of this.#lanes.values()) yield* items;
  }

  #take(client: object, lane: Lane<T>, item: T): void {
    lane.items.splice(lane.items.indexOf(item), 1);
    this.#size -= 1;
    this.#tidy(client, lane);
  }

  /** Gives the client as many turns as it may have. */
  #tidy(client: object, { items, turns }: Lane<T>): void {
    const count = Math.min(TURNS, items.length);
    turns.splice(count);
    while (turns.length < count) turns.push(this.#nextTurn++);
    if (items.length === 0) this.#lanes.delete(client);
  }

  #firstReady({ items }: Lane<T>): T | undefined {
    const { isReady, dueAtMs } = this.#rules;
    let first: T | undefined;
    for (const item of items) {
      if (isReady(item) && (first === undefined || dueAtMs(item) < dueAtMs(first))) first = item;
    }
    return first;
  }
}

interface Turn<T> {
  readonly client: object;
  readonly lane: Lane<T>;
  readonly item: T;
  readonly at: number;
  readonly waits: boolean;
}

function isBefore<T>(one: Turn<T>, other: Turn<T>): boolean {
  return one.waits === other.waits ? one.at < other.at : other.waits;
}
