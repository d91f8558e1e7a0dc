/**
 * Which sessions which worker is thought to hold, so that a task goes where its session is. A mirror of each
 * worker's own cache: wrong at worst about speed, never about results.
 */
export class Affinity {
  readonly #maxPerWorker: number;
  readonly #keys = new Map<number, Set<string>>();

  constructor(maxPerWorker: number) {
    this.#maxPerWorker = maxPerWorker;
  }

  has(worker: number, key: string): boolean {
    return this.#keys.get(worker)?.has(key) ?? false;
  }

  /** The idle worker that has the session, else the one with the fewest sessions; `undefined` when none is idle. */
  choose(idle: readonly number[], key: string): number | undefined {
    const holder = idle.find((worker) => this.has(worker, key));
    if (holder !== undefined) return holder;
    return idle.toSorted((a, b) => this.#count(a) - this.#count(b))[0];
  }

  use(worker: number, key: string): void {
    const keys = this.#keys.get(worker) ?? new Set();
    this.#keys.set(worker, keys);
    keys.delete(key);
    keys.add(key);
    for (const oldest of keys) {
      if (keys.size <= this.#maxPerWorker) break;
      keys.delete(oldest);
    }
  }

  /** The worker is gone, and its sessions with it. */
  forget(worker: number): void {
    this.#keys.delete(worker);
  }

  #count(worker: number): number {
    return this.#keys.get(worker)?.size ?? 0;
  }
}
