/** Time as a paced link needs it. */
export interface PacingClock {
  /** Monotonic ms. */
  now(): number;
  /** Calls back after `delayMs`; returns the cancellation. */
  after(delayMs: number, callback: () => void): () => void;
}

/** How slow a link is to be; what is left out is as the network has it. */
export interface Pace {
  readonly uplinkBytesPerMs?: number | undefined;
  readonly downlinkBytesPerMs?: number | undefined;
  /** Half of it each way. */
  readonly roundTripMs?: number | undefined;
}

interface Parcel {
  readonly givenAtMs: number;
  /** How long it occupies the link. */
  readonly costMs: number;
  readonly delayMs: number;
  leftAtMs: number;
  readonly owner: number | undefined;
  readonly deliver: () => void;
}

/**
 * One direction of a slow link: parcels leave one after another at the given rate and arrive half a round trip later,
 * in order. Without a rate and a delay they pass at once.
 *
 * Due times are absolute: a late timer delays one parcel, never the rate of a whole transfer.
 */
export class PacedLane {
  readonly #clock: PacingClock;
  #queue: Parcel[] = [];
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #delayMs = 0;
  #freeAtMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: PacingClock) {
    this.#clock = clock;
  }

  /** Applies to parcels that are given from now on. */
  shape(bytesPerMs: number | undefined, delayMs: number): void {
    this.#bytesPerMs = bytesPerMs !== undefined && bytesPerMs > 0 ? bytesPerMs : Number.POSITIVE_INFINITY;
    this.#delayMs = Math.max(0, delayMs);
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** ms until what was given last has left. */
  get behindMs(): number {
    return Math.max(0, this.#freeAtMs - this.#clock.now());
  }

  /** @param owner parcels of one owner can be withdrawn together. */
  push(numBytes: number, deliver: () => void, owner?: number): void {
    const givenAtMs = this.#clock.now();
    const costMs = numBytes / this.#bytesPerMs;
    const leftAtMs = Math.max(givenAtMs, this.#freeAtMs) + costMs;
    this.#freeAtMs = leftAtMs;
    if (leftAtMs + this.#delayMs <= givenAtMs && this.isEmpty) {
      deliver();
      return;
    }
    this.#queue.push({ givenAtMs, costMs, delayMs: this.#delayMs, leftAtMs, owner, deliver });
    if (this.#queue.length === 1) this.#schedule();
  }

  /** Takes back what has not arrived yet; what stood behind it moves up. */
  withdraw(owner: number): void {
    const [first] = this.#queue;
    if (!first) return;
    const kept = this.#queue.filter((parcel) => parcel.owner !== owner);
    this.#freeAtMs = first.leftAtMs - first.costMs;
    for (const parcel of kept) {
      parcel.leftAtMs = Math.max(parcel.givenAtMs, this.#freeAtMs) + parcel.costMs;
      this.#freeAtMs = parcel.leftAtMs;
    }
    this.#queue = kept;
    this.#schedule();
  }

  clear(): void {
    this.#queue = [];
    this.#freeAtMs = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const next = this.#queue[0];
    if (!next) return;
    this.#cancelTimer = this.#clock.after(Math.max(0, dueMs(next) - this.#clock.now()), () => this.#deliverDue());
  }

  #deliverDue(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.now();
    for (let next = this.#queue[0]; next && dueMs(next) <= nowMs; next = this.#queue[0]) {
      this.#queue.shift();
      next.deliver();
    }
    this.#schedule();
  }
}

function dueMs(parcel: Parcel): number {
  return parcel.leftAtMs + parcel.delayMs;
}

/** Both directions of one connection, as slow as is asked. */
export class PacedLink {
  readonly up: PacedLane;
  readonly down: PacedLane;

  constructor(clock: PacingClock) {
    this.up = new PacedLane(clock);
    this.down = new PacedLane(clock);
  }

  set(pace: Pace | undefined): void {
    const halfMs = (pace?.roundTripMs ?? 0) / 2;
    this.up.shape(pace?.uplinkBytesPerMs, halfMs);
    this.down.shape(pace?.downlinkBytesPerMs, halfMs);
  }

  clear(): void {
    this.up.clear();
    this.down.clear();
  }
}
