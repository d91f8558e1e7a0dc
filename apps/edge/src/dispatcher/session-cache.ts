interface Releasable {
  release(): Promise<void>;
}

/** The sessions that one worker keeps, least recently used first out. One call at a time. */
export class SessionCache<T extends Releasable> {
  readonly #max: number;
  readonly #create: (key: string) => Promise<T>;
  /** In order of use, the latest last. */
  readonly #sessions = new Map<string, T>();

  constructor(max: number, create: (key: string) => Promise<T>) {
    this.#max = max;
    this.#create = create;
  }

  get size(): number {
    return this.#sessions.size;
  }

  has(key: string): boolean {
    return this.#sessions.has(key);
  }

  async get(key: string): Promise<T> {
    const known = this.#sessions.get(key);
    if (known !== undefined) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    // Before the new one is made, so that there are never more than `max` in memory.
    await this.#evict(this.#max - 1);
    const created = await this.#create(key);
    this.#sessions.set(key, created);
    return created;
  }

  async #evict(keep: number): Promise<void> {
    for (const [key, session] of this.#sessions) {
      if (this.#sessions.size <= keep) return;
      this.#sessions.delete(key);
      await session.release();
    }
  }
}
