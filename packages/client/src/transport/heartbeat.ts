import type { Clock } from '../clock.js';

/** Round trips measured right after a connection is there, so that the first decision knows the fixed cost. */
export const FIRST_PINGS = 3;
/** How often an idle connection is measured, and a silent one asked whether it lives: some 50 bytes each way. */
export const HEARTBEAT_MS = 5000;
/** A ping without any word for so long means a dead connection. */
export const SILENCE_MS = 10_000;

export interface HeartbeatHooks {
  ping(id: number): void;
  /** No request is in flight, so a round trip is that of the link alone. */
  isIdle(): boolean;
  /** Bytes are still leaving: a ping behind them would measure them. */
  isSending(): boolean;
  onRoundTrip(roundTripMs: number): void;
  onDead(): void;
}

/** Measures the round trip when the link is idle, and notices when the other end is gone without a word. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #hooks: HeartbeatHooks;
  #nextId = 1;
  #sent: { readonly id: number; readonly atMs: number; readonly wasIdle: boolean } | undefined;
  #heardAtMs: number;
  #firstLeft = FIRST_PINGS;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(clock: Clock, hooks: HeartbeatHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.#heardAtMs = clock.now();
    this.#ping();
    this.#schedule();
  }

  heard(): void {
    this.#heardAtMs = this.#clock.now();
  }

  onPong(id: number): void {
    const sent = this.#sent;
    if (sent?.id !== id) return;
    this.#sent = undefined;
    if (sent.wasIdle && this.#hooks.isIdle()) this.#hooks.onRoundTrip(this.#clock.now() - sent.atMs);
    this.#firstLeft -= 1;
    if (this.#firstLeft > 0 && !this.#stopped) this.#ping();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #ping(): void {
    const id = this.#nextId++;
    this.#sent = { id, atMs: this.#clock.now(), wasIdle: this.#hooks.isIdle() && !this.#hooks.isSending() };
    this.#hooks.ping(id);
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(HEARTBEAT_MS, () => {
      this.#beat();
      if (!this.#stopped) this.#schedule();
    });
  }

  #beat(): void {
    const nowMs = this.#clock.now();
    if (this.#sent) {
      const silent = this.#heardAtMs <= this.#sent.atMs && nowMs - this.#sent.atMs >= SILENCE_MS;
      if (silent && !this.#hooks.isSending()) this.#hooks.onDead();
      return;
    }
    const quiet = nowMs - this.#heardAtMs >= HEARTBEAT_MS;
    if (this.#hooks.isSending()) return;
    if (this.#hooks.isIdle() || quiet) this.#ping();
  }
}
