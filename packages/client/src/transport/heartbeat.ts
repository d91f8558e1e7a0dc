import type { Clock } from '../clock.js';

/** Round trips measured when a connection is new, so that the first decisions know the fixed cost. */
const FIRST_PINGS = 3;
/** When the link is known to have changed: enough to outweigh what was measured before. */
const RENEWED_PINGS = 12;
/** How soon a measurement that a request got in the way of is tried again. */
const RETRY_MS = 250;
/** How often an idle connection is measured, and a silent one asked whether it lives: some 50 bytes each way. */
export const HEARTBEAT_MS = 5000;
/** A ping without any word for so long means a dead connection. */
export const SILENCE_MS = 10_000;

export interface HeartbeatHooks {
  ping(id: number): void;
  /** No transfer is on its way, so a round trip is that of the link alone. */
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
  #wanted = FIRST_PINGS;
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
    if (!sent.wasIdle || !this.#hooks.isIdle()) return;
    this.#wanted -= 1;
    this.#hooks.onRoundTrip(this.#clock.now() - sent.atMs);
    if (this.#wanted > 0 && !this.#stopped) this.#ping();
  }

  /** Measures anew, because the link has changed. */
  renew(): void {
    this.#wanted = RENEWED_PINGS;
    this.#cancel?.();
    this.#beat();
    this.#schedule();
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
    this.#cancel = this.#clock.after(this.#wanted > 0 ? RETRY_MS : HEARTBEAT_MS, () => {
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
    if (this.#hooks.isSending()) return;
    const isQuiet = nowMs - this.#heardAtMs >= HEARTBEAT_MS;
    if (this.#hooks.isIdle() || isQuiet) this.#ping();
  }
}
