/** Tells whether a piece of work had the page to itself: what it took beside its stages is its own then, and no waiting. */
export class Overlap {
  #active = 0;
  #begun = 0;

  get isIdle(): boolean {
    return this.#active === 0;
  }

  /** Pieces of work so far: if it is the same later, nothing was begun meanwhile. */
  get begun(): number {
    return this.#begun;
  }

  /** @returns to be called at its end; says whether nothing else was under way meanwhile */
  begin(): () => boolean {
    this.#begun += 1;
    this.#active += 1;
    const [own, wasAlone] = [this.#begun, this.#active === 1];
    return () => {
      this.#active -= 1;
      return wasAlone && this.#begun === own;
    };
  }
}
