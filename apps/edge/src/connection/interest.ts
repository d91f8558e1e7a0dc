/** A client that asked for nothing in so long decides nothing now, and when it does, it measures anew. */
const INTERESTED_MS = 5 * 60_000;

/** Models whose load matters to a client: those that it had tails run of, for as long as it is active. */
export class Interest {
  readonly #models = new Set<string>();
  #activeAtMs = Number.NEGATIVE_INFINITY;

  /** Something was asked that a client only asks when it decides: a tail, or a probe of the link. */
  active(atMs: number, model?: string): void {
    this.#activeAtMs = atMs;
    if (model !== undefined) this.#models.add(model);
  }

  models(nowMs: number): readonly string[] {
    return nowMs - this.#activeAtMs > INTERESTED_MS ? [] : [...this.#models];
  }
}
