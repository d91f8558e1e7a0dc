/** What clients asked for, each until its time is over: nobody has to remember to take it back. */
export class Leases<T> {
  readonly #held = new Map<string, { readonly value: T; readonly timer: NodeJS.Timeout }>();
  readonly #onChange: (key: string) => void;

  constructor(onChange: (key: string) => void) {
    this.#onChange = onChange;
  }

  get(key: string): T | undefined {
    return this.#held.get(key)?.value;
  }

  values(): readonly T[] {
    return [...this.#held.values()].map(({ value }) => value);
  }

  /** In place of what this client asked for before. */
  hold(key: string, value: T, forMs: number): void {
    clearTimeout(this.#held.get(key)?.timer);
    this.#held.set(key, { value, timer: setTimeout(() => this.end(key), forMs).unref() });
    this.#onChange(key);
  }

  end(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#held.delete(key);
    this.#onChange(key);
  }

  close(): void {
    for (const key of [...this.#held.keys()]) this.end(key);
  }
}
