import type { LoadSource } from './load-source.js';

/** Room for the requests of closed-loop clients: one each. A power of two. */
const MAX_CLOSED = 256;

/** A canary: a small tail that the edge runs when none of a model ran for a while, so that k stays known. */
export interface Canary {
  /** Network, and its index among those of the background. */
  readonly model: number;
  readonly tailMs: number;
  readonly afterMs: number;
}

/** What was admitted last; only one at a time is looked at. */
export interface Admission {
  readonly model: number;
  readonly arrivalMs: number;
  readonly startMs: number;
  readonly finishMs: number;
  /** Idle run time of the tail as profiled; the measured one is `finishMs - startMs`. */
  readonly profiledMs: number;
  readonly isCanary: boolean;
}

/**
 * The queue of an edge with one worker, first come first served. A tail's finish is fixed when it is admitted (Lindley's
 * recursion): it starts when everything before it is done and takes its idle time × the slowdown at its start.
 *
 * Cheap to copy: an oracle copies it and runs it forward to see what each arm would have met.
 */
export class EdgeQueue<Source extends LoadSource = LoadSource> {
  source: Source;
  /** When everything admitted so far is done. */
  freeAtMs = 0;
  readonly #canaries: readonly Canary[];
  readonly #canaryAtMs: Float64Array;
  readonly #closedAtMs = new Float64Array(MAX_CLOSED);
  #closedHead = 0;
  #closedCount = 0;
  readonly last: { -readonly [Key in keyof Admission]: Admission[Key] } = {
    model: 0,
    arrivalMs: 0,
    startMs: 0,
    finishMs: 0,
    profiledMs: 0,
    isCanary: false,
  };
  readonly #tailsMs: readonly number[];

  /** @param tailsMs idle run times of the background's tails, by network */
  constructor(source: Source, tailsMs: readonly number[], canaries: readonly Canary[] = []) {
    this.source = source;
    this.#tailsMs = tailsMs;
    this.#canaries = canaries;
    this.#canaryAtMs = Float64Array.from(canaries, ({ afterMs }) => afterMs);
  }

  /** Takes over what is queued at another edge, and what is to come; not where its load comes from. */
  copyFrom(other: EdgeQueue): void {
    this.freeAtMs = other.freeAtMs;
    this.#canaryAtMs.set(other.#canaryAtMs);
    this.#closedHead = 0;
    this.#closedCount = other.#closedCount;
    for (let index = 0; index < other.#closedCount; index++) {
      this.#closedAtMs[index] = other.#closedAtMs[(other.#closedHead + index) & (MAX_CLOSED - 1)] ?? 0;
    }
  }

  /** When something is admitted next, or the number of closed-loop clients changes. */
  nextAtMs(): number {
    const { openAtMs, phaseAtMs } = this.source;
    let nextMs = openAtMs < phaseAtMs ? openAtMs : phaseAtMs;
    if (this.#closedCount > 0) {
      const closedMs = this.#closedAtMs[this.#closedHead] ?? 0;
      if (closedMs < nextMs) nextMs = closedMs;
    }
    for (let index = 0; index < this.#canaryAtMs.length; index++) {
      const canaryMs = this.#canaryAtMs[index] ?? 0;
      if (canaryMs < nextMs) nextMs = canaryMs;
    }
    return nextMs;
  }

  /** Does what comes next. @returns whether something was admitted ({@link last}) */
  step(): boolean {
    const nextMs = this.nextAtMs();
    const { source } = this;
    if (source.phaseAtMs <= nextMs) {
      this.#setClosedClients(source.nextPhase(), nextMs);
      return false;
    }
    if (source.openAtMs <= nextMs) {
      const model = source.openModel;
      this.#admit(model, nextMs, source.openMs, this.#tailsMs[model] ?? 0, false);
      source.nextOpen();
      return true;
    }
    for (let index = 0; index < this.#canaryAtMs.length; index++) {
      const canary = this.#canaries[index];
      if (canary === undefined || (this.#canaryAtMs[index] ?? 0) > nextMs) continue;
      this.#admit(canary.model, nextMs, canary.tailMs, canary.tailMs, true);
      return true;
    }
    this.#closedHead = (this.#closedHead + 1) & (MAX_CLOSED - 1);
    this.#closedCount--;
    const serviceMs = source.closedMs();
    const model = source.closedModel;
    this.#admit(model, nextMs, serviceMs, this.#tailsMs[model] ?? 0, false);
    this.#pushClosed(this.freeAtMs);
    return true;
  }

  /** Everything of the background up to a moment. */
  advance(untilMs: number): void {
    while (this.nextAtMs() <= untilMs) this.step();
  }

  /** A tail of ours; the background must have been brought to that moment. @returns when it is done */
  admit(model: number, arrivalMs: number, idleMs: number, profiledMs: number): number {
    this.#admit(model, arrivalMs, idleMs, profiledMs, false);
    return this.freeAtMs;
  }

  #admit(model: number, arrivalMs: number, idleMs: number, profiledMs: number, isCanary: boolean): void {
    const startMs = arrivalMs > this.freeAtMs ? arrivalMs : this.freeAtMs;
    const finishMs = startMs + idleMs * this.source.slowdownAt(startMs);
    this.freeAtMs = finishMs;
    for (let index = 0; index < this.#canaries.length; index++) {
      const canary = this.#canaries[index];
      if (canary?.model === model) this.#canaryAtMs[index] = finishMs + canary.afterMs;
    }
    const { last } = this;
    last.model = model;
    last.arrivalMs = arrivalMs;
    last.startMs = startMs;
    last.finishMs = finishMs;
    last.profiledMs = profiledMs;
    last.isCanary = isCanary;
  }

  /** Those of before leave; each new one sends its first request at once. */
  #setClosedClients(clients: number, atMs: number): void {
    this.#closedCount = 0;
    for (let client = 0; client < clients; client++) this.#pushClosed(atMs);
  }

  #pushClosed(atMs: number): void {
    this.#closedAtMs[(this.#closedHead + this.#closedCount) & (MAX_CLOSED - 1)] = atMs;
    this.#closedCount++;
  }
}
