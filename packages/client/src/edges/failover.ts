import type { Clock } from '../clock.js';
import { retryDelayMs } from '../transport/backoff.js';
import type { EdgeConnection } from '../transport/connection.js';
import type { ConnectionState } from '../transport/connection-events.js';
import { firstServing } from './first-serving.js';

/** An edge that does not even refuse is waited for so long; one that refuses, until the first retry. */
export const AWAY_MS = 2000;
/** So long after another edge took over, those that are preferred to it are asked; after twice as long each time. */
export const FIRST_RETURN_MS = 30_000;
const LAST_RETURN_MS = 16 * 60_000;
/** Going back waits for a moment in which nothing is under way. */
const IDLE_LOOK_MS = 250;

export interface FailoverParts {
  /** In the order of preference. */
  readonly edges: readonly URL[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly connection: Pick<EdgeConnection, 'events' | 'state' | 'isIdle'>;
  /** The edge in use. */
  current(): URL;
  /** Rejects when this edge cannot take over. */
  check(edge: URL, signal: AbortSignal): Promise<void>;
  moveTo(edge: URL): void;
}

/**
 * Turns to another edge when the one in use is lost and is not there again with the first retry, or stops; goes back to a
 * preferred one when that answers again.
 */
export class Failover {
  readonly #parts: FailoverParts;
  #unsubscribe: readonly (() => void)[] = [];
  /** Times that the edge in use was lost, or not reached, since it was there last. */
  #losses = 0;
  /** For others, in the same time. */
  #searches = 0;
  #returnMs = FIRST_RETURN_MS;
  /** Ends the search under way. */
  #search: AbortController | undefined;
  #cancel: () => void = () => {};

  constructor(parts: FailoverParts) {
    this.#parts = parts;
  }

  /** Begins to watch the connection. */
  start(): void {
    const { events, state } = this.#parts.connection;
    if (this.#unsubscribe.length > 0) return;
    this.#unsubscribe = [events.on('state', (now) => this.#onState(now)), events.on('leaving', () => this.#leave())];
    this.#onState(state);
  }

  stop(): void {
    this.#reset();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #onState({ state }: ConnectionState): void {
    if (state === 'offline') {
      this.#losses += 1;
      if (this.#losses === 1) this.#after(AWAY_MS, () => this.#leave());
      if (this.#losses === 2) this.#leaveSoon();
      return;
    }
    this.#reset();
    this.#searches = 0;
    if (state === 'online') this.#goBackLater();
  }

  #reset(): void {
    this.#cancel();
    this.#search?.abort();
    this.#search = undefined;
    this.#losses = 0;
  }

  /** At once for the first time; an edge that says that it can, and cannot be reached, must not be turned to in a circle. */
  #leaveSoon(): void {
    if (this.#searches === 0) this.#leave();
    else this.#leaveLater();
  }

  #leaveLater(): void {
    this.#after(retryDelayMs(this.#searches++, this.#parts.random), () => this.#leave());
  }

  #leave(): void {
    const { edges, current } = this.#parts;
    const now = current().href;
    this.#ask(
      edges.filter(({ href }) => href !== now),
      (edge) => this.#turnTo(edge),
      () => this.#leaveLater(),
    );
  }

  #goBackLater(): void {
    const { edges, current } = this.#parts;
    const now = current().href;
    const preferred = edges.slice(
      0,
      edges.findIndex(({ href }) => href === now),
    );
    if (preferred.length > 0) this.#after(this.#returnMs, () => this.#goBack(preferred));
  }

  #goBack(preferred: readonly URL[]): void {
    const later = () => this.#after(IDLE_LOOK_MS, () => this.#goBack(preferred));
    const goBack = (edge: URL) => {
      this.#returnMs = Math.min(LAST_RETURN_MS, 2 * this.#returnMs);
      this.#turnTo(edge);
    };
    const { connection } = this.#parts;
    if (!connection.isIdle) later();
    else {
      this.#ask(
        preferred,
        (edge) => (connection.isIdle ? goBack(edge) : later()),
        () => this.#goBackLater(),
      );
    }
  }

  #turnTo(edge: URL): void {
    this.#reset();
    this.#searches += 1;
    this.#parts.moveTo(edge);
  }

  /** One search at a time. */
  #ask(edges: readonly URL[], onFound: (edge: URL) => void, onNone: () => void): void {
    if (this.#search) return;
    this.#cancel();
    const { check, clock } = this.#parts;
    const search = new AbortController();
    this.#search = search;
    const end = (act: () => void) => {
      if (this.#search !== search) return;
      this.#search = undefined;
      act();
    };
    firstServing(edges, check, clock, search.signal).then(
      ({ edge }) => end(() => onFound(edge)),
      () => end(onNone),
    );
  }

  #after(delayMs: number, act: () => void): void {
    this.#cancel();
    this.#cancel = this.#parts.clock.after(delayMs, act);
  }
}
