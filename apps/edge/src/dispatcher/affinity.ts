/** Which worker holds which sessions, as they have told, so that a task goes where its session is. */
export class Affinity {
  readonly #keys = new Map<number, Set<string>>();

  has(worker: number, key: string): boolean {
    return this.#keys.get(worker)?.has(key) ?? false;
  }

  /** The idle worker that has the session, else the one with the fewest sessions; `undefined` when none is idle. */
  choose(idle: readonly number[], key: string): number | undefined {
    const holder = idle.find((worker) => this.has(worker, key));
    if (holder !== undefined) return holder;
    return idle.toSorted((a, b) => this.#count(a) - this.#count(b))[0];
  }

  /** The worker has the session, or will when it is done. */
  use(worker: number, key: string): void {
    this.#keys.set(worker, (this.#keys.get(worker) ?? new Set()).add(key));
  }

  /** The worker has let go of these sessions; of all when none are named, because it is gone. */
  forget(worker: number, released?: readonly string[]): void {
    if (released === undefined) this.#keys.delete(worker);
    else for (const key of released) this.#keys.get(worker)?.delete(key);
  }

  /** Every worker that has sessions, or will, with their keys. */
  holders(): readonly (readonly [worker: number, keys: readonly string[]])[] {
    return [...this.#keys].map(([worker, keys]) => [worker, [...keys]]);
  }

  #count(worker: number): number {
    return this.#keys.get(worker)?.size ?? 0;
  }
}
