/** First in, first out within one client; clients take turns. */
export class FairQueue<T> {
  /** Clients in the order of their turns; the first is next. A client without items is not in it. */
  readonly #lanes = new Map<object, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(client: object, item: T): void {
    const lane = this.#lanes.get(client);
    if (lane === undefined) this.#lanes.set(client, [item]);
    else lane.push(item);
    this.#size += 1;
  }

  shift(): T | undefined {
    for (const [client, lane] of this.#lanes) {
      const item = lane.shift();
      this.#lanes.delete(client);
      // Behind all others, if it has more.
      if (lane.length > 0) this.#lanes.set(client, lane);
      if (item === undefined) continue;
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

  /** Every item, in no promised order. */
  *[Symbol.iterator](): Generator<T, void> {
    for (const lane of this.#lanes.values()) yield* lane;
  }
}
