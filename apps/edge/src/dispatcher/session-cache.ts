export interface CachedSession {
  /** What it costs beyond what it shares with others. */
  readonly numBytes: number;
  release(): Promise<void>;
}

export interface CacheLimits {
  readonly maxSessions: number;
  /** Of all sessions together. One that is larger alone is kept alone: what is asked for has to be run. */
  readonly maxBytes: number;
}

/** The sessions that one worker keeps, least recently used first out. One call at a time. */
export class SessionCache<T extends CachedSession> {
  readonly #limits: CacheLimits;
  /** In order of use, the latest last. */
  readonly #sessions = new Map<string, T>();

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get heldBytes(): number {
    let sum = 0;
    for (const { numBytes } of this.#sessions.values()) sum += numBytes;
    return sum;
  }

  /** A session that is kept, which is thereby used. */
  get(key: string): T | undefined {
    const session = this.#sessions.get(key);
    if (session !== undefined) {
      this.#sessions.delete(key);
      this.#sessions.set(key, session);
    }
    return session;
  }

  /**
   * Makes room for one more session, before it is made: so there is never more in memory than may be.
   * @returns the keys of those that had to go
   */
  async makeRoom(numBytes: number): Promise<string[]> {
    const released: string[] = [];
    const { maxSessions, maxBytes } = this.#limits;
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size < maxSessions && this.heldBytes + numBytes <= maxBytes) break;
      await this.drop(key);
      released.push(key);
    }
    return released;
  }

  add(key: string, session: T): void {
    this.#sessions.set(key, session);
  }

  /** @returns whether it was kept */
  async drop(key: string): Promise<boolean> {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    await session?.release();
    return session !== undefined;
  }
}
