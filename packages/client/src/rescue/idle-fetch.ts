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
/** It is looked for an idle moment for so long after the last inference. */
const WATCHED_MS = 120_000;

export interface IdleFetchOptions {
  readonly clock: Clock;
  readonly packs: Pick<PackStore, 'missing' | 'get' | 'graph'>;
  readonly budget: WeightBudget;
  readonly rules: WeightRules;
  /** Nothing of what inferences need is on its way, and the edge is there. */
  readonly isQuiet: () => boolean;
  readonly isVisible?: () => boolean;
  /** What a finish of the inferences of late would need. */
  readonly needs: () => RescueNeeds | undefined;
  /** onnxruntime-web, which the page may get from the same server as all else. */
  readonly loadRuntime: () => Promise<unknown>;
  readonly onProgress: (progress: Progress) => void;
  /** Aborted when the session is closed. */
  readonly life: AbortSignal;
}

/** Fetches what a local finish needs while nothing else happens, one pack at a time, and stops when an inference begins. */
export class IdleFetch {
  readonly #options: IdleFetchOptions;
  #running = 0;
  #endedAtMs = 0;
  #isFetching = false;
  /** Graphs of what is all here. */
  #done = '';
  #stop = new AbortController();
  #cancelTimer: (() => void) | undefined;

  constructor(options: IdleFetchOptions) {
    this.#options = options;
    options.life.addEventListener('abort', () => this.#pause(), { once: true });
  }

  /** An inference begins. What came of a pack is kept. */
  began(): void {
    this.#running += 1;
    this.#pause();
  }

  ended(): void {
    this.#running -= 1;
    this.#endedAtMs = this.#options.clock.now();
    if (this.#running === 0 && !this.#options.life.aborted) this.#schedule();
  }

  #pause(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#stop.abort();
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(IDLE_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, rules, isQuiet, isVisible = isPageVisible } = this.#options;
    if (clock.now() - this.#endedAtMs > WATCHED_MS) return;
    if (this.#isFetching || !isVisible() || !isQuiet() || !rules.fetchesForRescue()) return this.#schedule();
    this.#stop = new AbortController();
    this.#isFetching = true;
    try {
      await this.#fetch(this.#stop.signal);
    } catch {
      // Tried again after the next inference; what broke off is resumed then.
    } finally {
      this.#isFetching = false;
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { packs, budget, needs, isQuiet, loadRuntime, onProgress } = this.#options;
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
      // Another session may be at work over the same connection.
      if (!isQuiet()) return this.#schedule();
      await packs.get(pack, onBytes, signal);
    }
    if (signal.aborted) return;
    await loadRuntime();
    this.#done = name;
  }
}
