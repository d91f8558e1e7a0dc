/**
 * First in, first out within one client; clients take turns. What is not ready keeps its place and lets others go before
 * it: a turn goes to the first client that has something ready, and only that client stands at the back afterwards.
 */
export class FairQueue<T> {
  readonly #isReady: (item: T) => boolean;
  /** Clients in the order of their turns; the first is next. A client without items is not in it. */
  readonly #lanes = new Map<object, T[]>();
  #size = 0;

  /** @param isReady may change while an item is in the queue; it is asked whenever it matters. */
  constructor(isReady: (item: T) => boolean = () => true) {
    this.#isReady = isReady;
  }

  /** Items, ready or not. */
  get size(): number {
    return this.#size;
  }

  push(client: object, item: T): void {
    const lane = this.#lanes.get(client);
    if (lane === undefined) this.#lanes.set(client, [item]);
    else lane.push(item);
    this.#size += 1;
  }

  /** The ready item whose turn it is. */
  shift(): T | undefined {
    for (const [client, lane] of this.#lanes) {
      const index = lane.findIndex(this.#isReady);
      if (index < 0) continue;
      const [item] = lane.splice(index, 1);
      this.#lanes.delete(client);
      // Behind all others, if it has more.
      if (lane.length > 0) this.#lanes.set(client, lane);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  remove(client: object, item: T): boolean {
    const lane = this.#lanes.get(client);
    const index = lane?.indexOf(item) ?? -1;
    if (lane === undefined || index < 0) return false;
    lane.splice(index, 1);
    if (lane.length === 0) this.#lanes.delete(client);
    this.#size -= 1;
    return true;
  }

  /** What is ready and would be taken before this item if it were ready as well; in no promised order. */
  ahead(client: object, item: T): readonly T[] {
    const own = this.#lanes.get(client) ?? [];
    const ownAhead = own.slice(0, Math.max(0, own.indexOf(item))).filter(this.#isReady);
    const ahead = [...ownAhead];
    // Whose turn comes before this client's has one more of them until then.
    let turns = ownAhead.length + 1;
    for (const lane of this.#lanes.values()) {
      if (lane === own) turns -= 1;
      else ahead.push(...lane.filter(this.#isReady).slice(0, turns));
    }
    return ahead;
  }

  /** Every item, in no promised order. */
  *[Symbol.iterator](): Generator<T, void> {
    for (const lane of this.#lanes.values()) yield* lane;
  }
}
