/** How far a run is, and how long the rest will take if it goes on like this. */
export class Progress {
  readonly #total: number;
  readonly #now: () => number;
  readonly #startMs: number;
  #done = 0;

  constructor(total: number, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#now = now;
    this.#startMs = now();
  }

  /** One more is done. */
  step(): string {
    this.#done += 1;
    const leftMs = ((this.#now() - this.#startMs) / this.#done) * (this.#total - this.#done);
    const minutes = Math.ceil(leftMs / 60_000);
    return `${this.#done} of ${this.#total}${this.#done < this.#total ? `, about ${minutes} min left` : ''}`;
  }
}
