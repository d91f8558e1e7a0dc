/** Timers of Node resolve 1 ms and are late by as much: the last stretch before something is due is waited out here. */
const COARSE_MS = 2;
/** Longest that the thread stands still: meanwhile nothing that arrives is seen. */
const FINE_MS = 0.3;

/** Something that has work at certain times. */
export interface Paced {
  /** Does what is due, and returns when the next is; infinity for nothing. */
  deliver(nowMs: number): number;
}

/** Calls what it was given at the times that they name, late by some tens of microseconds instead of a ms. */
export class Pacer {
  readonly #paced = new Set<Paced>();
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  add(paced: Paced): void {
    this.#paced.add(paced);
  }

  remove(paced: Paced): void {
    this.#paced.delete(paced);
  }

  /** Something new may be due before what is waited for. */
  wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#immediate = undefined;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const paced of this.#paced) nextMs = Math.min(nextMs, paced.deliver(performance.now()));
    const inMs = nextMs - performance.now();
    if (inMs === Number.POSITIVE_INFINITY) return;
    if (inMs > COARSE_MS) {
      this.#timer = setTimeout(() => this.#turn(), inMs - COARSE_MS);
      return;
    }
    // Unlike a busy loop this leaves the core to others.
    if (inMs > 0) Atomics.wait(this.#sleeper, 0, 0, Math.min(inMs, FINE_MS));
    this.#immediate = setImmediate(() => this.#turn());
  }
}
