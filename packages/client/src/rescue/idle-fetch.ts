import type { Pack } from '@cutpoint/protocol';
import type { Clock } from '../clock.js';
import type { PackStore } from '../heads/pack-store.js';
import { packBytes, type WeightBudget } from '../heads/weight-budget.js';
import type { WeightRules } from '../heads/weight-rules.js';
import { isPageVisible } from '../page-visibility.js';
import type { Progress } from '../session.js';
import type { RescueNeeds } from './rescue.js';

/** Nothing ran for so long: the page is idle. */
const IDLE_MS = 1000;
/** A page that is never idle, as one with a camera, is at its steady state when for so long nothing was wished for. */
const STEADY_MS = 10_000;
/** It is looked for an idle moment for so long after the last inference. */
const WATCHED_MS = 120_000;

export interface IdleFetchOptions {
  readonly clock: Clock;
  readonly packs: Pick<PackStore, 'missing' | 'get' | 'graph'>;
  readonly budget: WeightBudget;
  readonly rules: WeightRules;
  /** Nothing of what inferences need is on its way, and the edge is there. */
  readonly isSettled: () => boolean;
  /** Neither this session nor another has anything under way at the edge. */
  readonly isLinkFree: () => boolean;
  readonly isVisible?: () => boolean;
  /** What a finish of the inferences of late would need. */
  readonly needs: () => RescueNeeds | undefined;
  /** onnxruntime-web, which the page may get from the same server as all else. */
  readonly loadRuntime: () => Promise<unknown>;
  readonly onProgress: (progress: Progress) => void;
  /** Aborted when the session is closed. */
  readonly life: AbortSignal;
}

/**
 * Fetches what a local finish needs, one pack at a time: while nothing else happens, until an inference begins; beside
 * the inferences where they leave no such moment.
 */
export class IdleFetch {
  readonly #options: IdleFetchOptions;
  #running = 0;
  #endedAtMs = 0;
  /** No idle moment since, and nothing wished for. */
  #steadySinceMs: number | undefined;
  #fetching: 'alone' | 'beside' | undefined;
  /** Graphs of what is all here. */
  #done = '';
  #stop = new AbortController();
  #cancelTimer: (() => void) | undefined;

  constructor(options: IdleFetchOptions) {
    this.#options = options;
    options.life.addEventListener('abort', () => this.#end(), { once: true });
  }

  /** An inference begins. What came of a pack is kept. */
  began(): void {
    this.#running += 1;
    if (this.#fetching === 'alone') this.#stop.abort();
  }

  ended(): void {
    this.#running -= 1;
    this.#endedAtMs = this.#options.clock.now();
    if (!this.#cancelTimer) this.#schedule(IDLE_MS);
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#stop.abort();
  }

  #schedule(delayMs: number): void {
    const { clock, life } = this.#options;
    if (life.aborted) return;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const { rules, isVisible = isPageVisible } = this.#options;
    const silentMs = this.#running > 0 ? 0 : this.#options.clock.now() - this.#endedAtMs;
    if (silentMs > WATCHED_MS) return;
    const mode = this.#mode(silentMs);
    if (!mode || this.#fetching || !isVisible() || !rules.fetchesForRescue()) {
      this.#schedule(silentMs < IDLE_MS ? IDLE_MS - silentMs : IDLE_MS);
      return;
    }
    this.#stop = new AbortController();
    this.#fetching = mode;
    try {
      await this.#fetch(mode, this.#stop.signal);
    } catch {
      // Tried again after the next inference; what broke off is resumed then.
    } finally {
      this.#fetching = undefined;
    }
  }

  #mode(silentMs: number): 'alone' | 'beside' | undefined {
    const { clock, isSettled, isLinkFree } = this.#options;
    const isIdle = silentMs >= IDLE_MS;
    if (isIdle || !isSettled()) this.#steadySinceMs = undefined;
    if (isIdle) return isSettled() && isLinkFree() ? 'alone' : undefined;
    if (!isSettled()) return undefined;
    this.#steadySinceMs ??= clock.now();
    return clock.now() - this.#steadySinceMs >= STEADY_MS ? 'beside' : undefined;
  }

  async #fetch(mode: 'alone' | 'beside', signal: AbortSignal): Promise<void> {
    const { packs, budget, needs, isSettled, isLinkFree, loadRuntime, onProgress } = this.#options;
    const needed = needs();
    if (!needed || !(await budget.allows(needed.packs))) return;
    const missing: readonly Pack[] = await packs.missing(needed.packs);
    const name = needed.graphs.join();
    if (missing.length === 0 && this.#done === name) return;
    const totalBytes = packBytes(missing);
    let loadedBytes = 0;
    const onBytes = (numBytes: number) => {
      loadedBytes += numBytes;
      onProgress({ stage: 'rescue', loadedBytes, totalBytes });
    };
    for (const graph of needed.graphs) await packs.graph(graph, signal);
    for (const pack of missing) {
      if (signal.aborted) return;
      // Inferences wish for something now, or another session is at work over the same connection.
      if (!isSettled() || (mode === 'alone' && !isLinkFree())) return this.#schedule(IDLE_MS);
      await packs.get(pack, onBytes, signal);
    }
    if (signal.aborted) return;
    await loadRuntime();
    this.#done = name;
  }
}
