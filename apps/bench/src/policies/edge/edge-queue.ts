import type { LoadSource } from './load-source.js';
import { CANARY, NEITHER, Waiting } from './waiting.js';

/** Room for the requests of closed-loop clients: one each. A power of two. */
const MAX_CLOSED = 256;

/** A canary: a small tail that the edge runs when none of a model ran for a while, so that k stays known. */
export interface Canary {
  /** Network, and its index among those of the background. */
  readonly model: number;
  readonly tailMs: number;
  readonly afterMs: number;
}

/** One tail, as far as it has come. */
export interface Tail {
  readonly model: number;
  /** When its payload was whole. */
  readonly arrivalMs: number;
  readonly startMs: number;
  readonly finishMs: number;
  /** Idle run time as profiled; the measured one is `finishMs - startMs`. */
  readonly profiledMs: number;
  readonly isCanary: boolean;
  /** The place that it was announced with; of our clients' tails only. */
  readonly place: Place | undefined;
}

/** A place in the queue that a client of ours holds from its decision on. */
export interface Place {
  readonly model: number;
  readonly announcedMs: number;
  readonly profiledMs: number;
  readonly idleMs: number;
  /** When the payload is whole; `Infinity` before. */
  arrivalMs: number;
}

/** What a step did. */
export type Step = 'arrived' | 'started' | 'phase';

/**
 * The queue of an edge with one worker. It serves in the order in which requests were announced, leaving out those whose payload
 * is not whole yet: they keep their place. The background's come whole. A tail takes its idle time × the slowdown at its start.
 *
 * Cheap to copy: an oracle copies it and runs it forward to see what each arm would have met.
 */
export class EdgeQueue<Source extends LoadSource = LoadSource> {
  source: Source;
  /** When what runs is done; in the past when nothing does. */
  freeAtMs = 0;
  readonly #canaries: readonly Canary[];
  readonly #canaryAtMs: Float64Array;
  readonly #closedAtMs = new Float64Array(MAX_CLOSED);
  #closedHead = 0;
  #closedCount = 0;
  /** Closed-loop clients of before are gone when their number changes: what they still have here asks for nothing more. */
  #generation = 0;
  #waiting = new Waiting();
  readonly #places: Place[] = [];
  readonly last: { -readonly [Key in keyof Tail]: Tail[Key] } = {
    model: 0,
    arrivalMs: 0,
    startMs: 0,
    finishMs: 0,
    profiledMs: 0,
    isCanary: false,
    place: undefined,
  };
  readonly #tailsMs: readonly number[];

  /** @param tailsMs idle run times of the background's tails, by network */
  constructor(source: Source, tailsMs: readonly number[], canaries: readonly Canary[] = []) {
    this.source = source;
    this.#tailsMs = tailsMs;
    this.#canaries = canaries;
    this.#canaryAtMs = Float64Array.from(canaries, ({ afterMs }) => afterMs);
  }

  /** Takes over what is queued at another edge, and what is to come; not where its load comes from, nor any places. */
  copyFrom(other: EdgeQueue): void {
    this.freeAtMs = other.freeAtMs;
    this.#canaryAtMs.set(other.#canaryAtMs);
    this.#closedHead = 0;
    this.#closedCount = other.#closedCount;
    this.#generation = other.#generation;
    for (let index = 0; index < other.#closedCount; index++) {
      this.#closedAtMs[index] = other.#closedAtMs[(other.#closedHead + index) & (MAX_CLOSED - 1)] ?? 0;
    }
    this.#waiting.copyFrom(other.#waiting);
  }

  /** Holds a place for a request that will come; everything must have been brought to that moment. */
  reserve(request: Omit<Place, 'arrivalMs'>): Place {
    const place = { ...request, arrivalMs: Number.POSITIVE_INFINITY };
    this.#places.push(place);
    return place;
  }

  /** The payload is whole: it is served as soon as its place allows. */
  submit(place: Place, arrivalMs: number): void {
    place.arrivalMs = arrivalMs;
    this.#silenceCanaries(place.model);
  }

  /** When something arrives or starts next, or the number of closed-loop clients changes. */
  nextAtMs(): number {
    return Math.min(this.#nextStartMs(), this.#nextArrivalMs());
  }

  /** Does what comes next, and says what; see {@link last}. */
  step(): Step {
    const arrivalMs = this.#nextArrivalMs();
    if (this.#nextStartMs() <= arrivalMs) return this.#start(this.#nextStartMs());
    return this.#arrive(arrivalMs);
  }

  /** Everything of the background up to a moment. */
  advance(untilMs: number): void {
    while (this.nextAtMs() <= untilMs) this.step();
  }

  /**
   * When the worker is free for a request that was announced then and whose payload is whole now: what is announced before it goes
   * first, and what runs is not interrupted. Brings everything up to that moment, but starts nothing then.
   */
  freeFor(announcedMs: number, nowMs: number): number {
    for (;;) {
      if (this.freeAtMs > nowMs) {
        const doneMs = this.freeAtMs;
        while (this.#nextArrivalMs() < doneMs) this.#arrive(this.#nextArrivalMs());
      }
      if (!(this.#waiting.firstArrivalMs <= announcedMs)) return Math.max(nowMs, this.freeAtMs);
      this.#start(this.#nextStartMs());
    }
  }

  /** Idle ms of all that waits. */
  get waitingMs(): number {
    const ours = this.#places.filter(({ arrivalMs }) => Number.isFinite(arrivalMs));
    return this.#waiting.idleMs + ours.reduce((sum, { idleMs }) => sum + idleMs, 0);
  }

  #nextArrivalMs(): number {
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

  #nextStartMs(): number {
    let wholeMs = this.#waiting.firstArrivalMs;
    for (const { arrivalMs } of this.#places) if (arrivalMs < wholeMs) wholeMs = arrivalMs;
    return wholeMs > this.freeAtMs ? wholeMs : this.freeAtMs;
  }

  #arrive(atMs: number): Step {
    const { source } = this;
    if (source.phaseAtMs <= atMs) {
      this.#setClosedClients(source.nextPhase(), atMs);
      return 'phase';
    }
    if (source.openAtMs <= atMs) {
      const model = source.openModel;
      this.#push(model, atMs, source.openMs, this.#tailsMs[model] ?? 0, NEITHER);
      source.nextOpen();
      return 'arrived';
    }
    for (let index = 0; index < this.#canaryAtMs.length; index++) {
      const canary = this.#canaries[index];
      if (canary === undefined || (this.#canaryAtMs[index] ?? 0) > atMs) continue;
      this.#push(canary.model, atMs, canary.tailMs, canary.tailMs, CANARY);
      return 'arrived';
    }
    this.#closedHead = (this.#closedHead + 1) & (MAX_CLOSED - 1);
    this.#closedCount--;
    const serviceMs = source.closedMs();
    const model = source.closedModel;
    this.#push(model, atMs, serviceMs, this.#tailsMs[model] ?? 0, this.#generation);
    return 'arrived';
  }

  #push(model: number, atMs: number, idleMs: number, profiledMs: number, kind: number): void {
    this.#waiting.push(model, atMs, idleMs, profiledMs, kind);
    this.#silenceCanaries(model);
    const { last } = this;
    last.model = model;
    last.arrivalMs = atMs;
    last.profiledMs = profiledMs;
    last.isCanary = kind === CANARY;
    last.place = undefined;
  }

  /** The first in the order of announcements of those that are whole. */
  #start(atMs: number): Step {
    const place = this.#firstPlace(atMs);
    const { last, source } = this;
    let idleMs: number;
    let kind = NEITHER;
    if (place === undefined) {
      idleMs = this.#waiting.shiftInto(last);
      kind = this.#waiting.shiftedKind;
    } else {
      this.#places.splice(this.#places.indexOf(place), 1);
      idleMs = place.idleMs;
      last.model = place.model;
      last.arrivalMs = place.arrivalMs;
      last.profiledMs = place.profiledMs;
    }
    last.isCanary = kind === CANARY;
    last.place = place;
    last.startMs = atMs;
    last.finishMs = atMs + idleMs * source.slowdownAt(atMs);
    this.freeAtMs = last.finishMs;
    for (let index = 0; index < this.#canaries.length; index++) {
      const canary = this.#canaries[index];
      if (canary?.model === last.model) this.#canaryAtMs[index] = last.finishMs + canary.afterMs;
    }
    if (kind > CANARY && kind === this.#generation) this.#pushClosed(last.finishMs);
    return 'started';
  }

  #firstPlace(atMs: number): Place | undefined {
    let first: Place | undefined;
    for (const place of this.#places) {
      if (place.arrivalMs > atMs || (first !== undefined && first.announcedMs <= place.announcedMs)) continue;
      first = place;
    }
    // The background's were announced when they came.
    return first !== undefined && first.announcedMs < this.#waiting.firstArrivalMs ? first : undefined;
  }

  /** A tail of this model is on its way through the queue, and will tell k when it has run. */
  #silenceCanaries(model: number): void {
    for (let index = 0; index < this.#canaries.length; index++) {
      if (this.#canaries[index]?.model === model) this.#canaryAtMs[index] = Number.POSITIVE_INFINITY;
    }
  }

  /** Those of before leave; each new one sends its first request at once. */
  #setClosedClients(clients: number, atMs: number): void {
    this.#generation = Math.max(CANARY, this.#generation) + 1;
    this.#closedCount = 0;
    for (let client = 0; client < clients; client++) this.#pushClosed(atMs);
  }

  #pushClosed(atMs: number): void {
    this.#closedAtMs[(this.#closedHead + this.#closedCount) & (MAX_CLOSED - 1)] = atMs;
    this.#closedCount++;
  }
}
