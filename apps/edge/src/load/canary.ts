import { type LoadFactors, MIN_PROFILED_MS } from '@cutpoint/partition';
import { type CutTable, type TensorHeader, tensorBytes } from '@cutpoint/protocol';
import type { Dispatcher } from '../dispatcher/dispatcher.js';
import type { Job, Scheduler } from '../scheduler/scheduler.js';
import type { ServedCut } from '../server/served-version.js';
import { profiledTail } from './profiled-tail.js';

/** At most this share of one worker's time. */
export const CANARY_SHARE = 0.02;
/** A model whose k was measured less than this ago needs no canary. */
export const CANARY_QUIET_MS = 1_000;
/** A longer tail would keep requests waiting for longer than what it tells is worth. */
const LONGEST_PROFILED_MS = 50;
const LOOK_EVERY_MS = 250;
/** Runs of the tail in one canary: see where they are run. */
const RUNS = 2;
/** A tail that failed is left alone for so long. */
const RETRY_MS = 60_000;

export interface CanaryOptions {
  readonly scheduler: Scheduler;
  readonly dispatcher: Pick<Dispatcher, 'run'>;
  readonly factors: LoadFactors;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Models whose load matters to somebody who is connected. */
  readonly wanted: () => ReadonlySet<string>;
  /** What to run of a model; `undefined` when it has no tail that says anything. */
  readonly tailOf: (model: string) => ServedCut | undefined;
  readonly onError: (model: string, error: unknown) => void;
}

/**
 * Keeps k fresh: runs a small tail of a model that nobody ran for a while, so that a client which went local because the
 * edge was slow learns that it no longer is. It waits in the ordinary queue, so that k is known of a model also while
 * others keep the edge busy; its waiting is not measured.
 */
export class Canary {
  readonly #options: CanaryOptions;
  /** When each model's tail failed last. */
  readonly #failedAtMs = new Map<string, number>();
  #job: Job | undefined;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#job !== undefined) this.#options.scheduler.cancel(this.#job);
    this.#job = undefined;
  }

  /** Sends one out if it is time. */
  look(): void {
    const { clock, scheduler } = this.#options;
    if (this.#job !== undefined || clock() < this.#nextAtMs) return;
    const next = this.#mostStale();
    if (next === undefined) return;
    const job: Job = {
      client: this,
      connection: this,
      model: next.model,
      idleMs: RUNS * next.served.cut.tailMs,
      isCanary: true,
      start: () => this.#run(next),
      reject: () => {
        this.#job = undefined;
      },
    };
    this.#job = job;
    // A queue that is full says enough.
    if (scheduler.submit(job) !== undefined) this.#job = undefined;
  }

  #mostStale(): Candidate | undefined {
    const { clock, wanted, tailOf, factors } = this.#options;
    const nowMs = clock();
    const isDue = (model: string) =>
      factors.measuredAtMs(model) <= nowMs - CANARY_QUIET_MS &&
      nowMs - (this.#failedAtMs.get(model) ?? Number.NEGATIVE_INFINITY) > RETRY_MS;
    return [...wanted()]
      .filter(isDue)
      .toSorted((a, b) => factors.measuredAtMs(a) - factors.measuredAtMs(b))
      .flatMap((model) => {
        const served = tailOf(model);
        return served?.graphFile === undefined ? [] : [{ model, served, graphFile: served.graphFile }];
      })
      .at(0);
  }

  async #run({ model, served, graphFile }: Candidate): Promise<void> {
    const { clock, dispatcher, factors, onError } = this.#options;
    // It was removed while this waited.
    if (!served.version.isOpen) {
      this.#job = undefined;
      return;
    }
    const startedAtMs = clock();
    const over = served.version.hold();
    try {
      const inputs = zerosOf(served);
      const numBytes = inputs.reduce((sum, input) => sum + input.numBytes, 0);
      const task = { graphFile, inputs, outputs: served.cut.tailOutputs, weights: served.weights };
      // The first run wakes the thread and its caches, which is no load; the profile was taken of runs that follow others.
      await dispatcher.run({ ...task, payload: new Uint8Array(numBytes) });
      const { tailMs, isFirstRun } = await dispatcher.run({ ...task, payload: new Uint8Array(numBytes) });
      if (!isFirstRun) factors.observe(model, profiledTail(served), { tailMs }, clock());
    } catch (error) {
      this.#failedAtMs.set(model, clock());
      onError(model, error);
    } finally {
      over();
      const nowMs = clock();
      this.#nextAtMs = nowMs + (nowMs - startedAtMs) * (1 / CANARY_SHARE - 1);
      this.#job = undefined;
    }
  }
}

interface Candidate {
  readonly model: string;
  readonly served: ServedCut;
  readonly graphFile: string;
}

/** The cheapest cut of these tables whose tail was timed and is long enough that k means something, and not too long. */
export function canaryCut(tables: Iterable<readonly [string, CutTable]>): { table: string; cut: number } | undefined {
  return [...tables]
    .flatMap(([table, { cuts }]) => cuts.map((cut) => ({ table, cut })))
    .filter(({ cut: { timed, tailGraph } }) => timed && tailGraph !== null)
    .filter(({ cut: { tailMs } }) => tailMs >= MIN_PROFILED_MS && tailMs <= LONGEST_PROFILED_MS)
    .toSorted((a, b) => a.cut.tailMs - b.cut.tailMs)
    .map(({ table, cut }) => ({ table, cut: cut.id }))
    .at(0);
}

function zerosOf({ crossing }: ServedCut): readonly TensorHeader[] {
  return crossing.map((info) => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) }));
}
