/** Long enough that the requests of a client which come at random are many, short enough that a burst is soon forgiven. */
const HALF_LIFE_MS = 10_000;
/** Beyond what the others had in the mean: as much again, */
const OF_MEAN = 2;
/** and so many of its turns, because of few requests that come at random some clients have several more than others. */
const LEAST_TURNS = 8;
/** Less than this is nothing. */
const FORGOTTEN_MS = 0.1;

interface Use {
  readonly ms: number;
  readonly atMs: number;
}

/** Time of workers that each client had lately. */
export class RecentUse {
  readonly #byClient = new Map<object, Use>();
  /** What still runs for them is nobody's. */
  readonly #gone = new WeakSet<object>();

  add(client: object, ms: number, nowMs: number): void {
    if (this.#gone.has(client)) return;
    this.#byClient.set(client, { ms: leftOf(this.#byClient.get(client), nowMs) + ms, atMs: nowMs });
  }

  /** A client is gone; the others are no longer compared with it. */
  forget(client: object): void {
    this.#byClient.delete(client);
    this.#gone.add(client);
  }

  /**
   * Who had so much more than the others that it waits for them now.
   * @returns a question that may be asked for every client as of now; `turnMs` is what its next turn would take.
   */
  judge(nowMs: number): (client: object, turnMs: number) => boolean {
    let totalMs = 0;
    for (const [client, use] of this.#byClient) {
      const ms = leftOf(use, nowMs);
      if (ms < FORGOTTEN_MS) this.#byClient.delete(client);
      else totalMs += ms;
    }
    return (client, turnMs) => {
      const use = this.#byClient.get(client);
      const others = this.#byClient.size - 1;
      if (use === undefined || others === 0) return false;
      const ms = leftOf(use, nowMs);
      const meanMs = (totalMs - ms) / others;
      return ms > Math.max(OF_MEAN * meanMs, meanMs + LEAST_TURNS * turnMs);
    };
  }
}

function leftOf(use: Use | undefined, nowMs: number): number {
  return use === undefined ? 0 : use.ms * 2 ** (-Math.max(0, nowMs - use.atMs) / HALF_LIFE_MS);
}
