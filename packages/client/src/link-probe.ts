import type { Controller } from '@cutpoint/partition';
import type { Clock } from './clock.js';
import { isPageVisible } from './page-visibility.js';
import type { EdgeConnection } from './transport/connection.js';

const LOOK_EVERY_MS = 500;
/** A page that ran nothing for so long has no decision to take; its next inference measures the link itself. */
const WATCHED_MS = 120_000;

export interface LinkProbeOptions {
  readonly connection: Pick<EdgeConnection, 'state' | 'isIdle' | 'maxProbeBytes' | 'probe'>;
  readonly clock: Clock;
  /** Nobody waits for an inference in a page that is not seen. */
  readonly isVisible?: () => boolean;
  /** A probe has measured the link. */
  readonly onMeasured: () => void;
  /** Aborted when the session is closed. */
  readonly life: AbortSignal;
}

/**
 * Measures the uplink while no inference does: a session that runs locally, or nothing, sends a probe when its controller
 * says that it is worth its bytes.
 */
export class LinkProbe {
  readonly #options: LinkProbeOptions;
  #controller: Pick<Controller, 'probe' | 'observeTransfer' | 'observeRoundTrip'> | undefined;
  #watchedAtMs = 0;
  #cancelTimer: (() => void) | undefined;
  #isProbing = false;

  constructor(options: LinkProbeOptions) {
    this.#options = options;
  }

  /** An inference was decided by this controller: the next ones are what probes are for. */
  watch(controller: Pick<Controller, 'probe' | 'observeTransfer' | 'observeRoundTrip'>): void {
    if (this.#options.life.aborted) return;
    this.#controller = controller;
    this.#watchedAtMs = this.#options.clock.now();
    if (!this.#cancelTimer) this.#schedule();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(LOOK_EVERY_MS, () => {
      this.#cancelTimer = undefined;
      if (clock.now() - this.#watchedAtMs > WATCHED_MS) return;
      this.#schedule();
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const { connection, clock, isVisible = isPageVisible, life, onMeasured } = this.#options;
    const controller = this.#controller;
    if (!controller || this.#isProbing || !isVisible()) return;
    if (connection.state.state !== 'online' || !connection.isIdle || connection.maxProbeBytes === 0) return;
    const wanted = controller.probe(clock.now());
    if (!wanted) return;
    this.#isProbing = true;
    try {
      const numBytes = Math.min(wanted.numBytes, connection.maxProbeBytes);
      const { arrivals, roundTripMs } = await connection.probe(numBytes, life);
      if (life.aborted) return;
      const nowMs = clock.now();
      if (roundTripMs !== undefined) controller.observeRoundTrip(roundTripMs, nowMs);
      controller.observeTransfer('up', arrivals, nowMs);
      onMeasured();
    } catch {
      // A probe that failed measured nothing; whether the edge is there shows elsewhere.
    } finally {
      this.#isProbing = false;
    }
  }
}
