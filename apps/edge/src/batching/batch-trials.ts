import type { Dispatcher, TrialOutcome } from '../dispatcher/dispatcher.js';
import type { Job, Scheduler } from '../scheduler/scheduler.js';
import type { ServedCut } from '../server/served-version.js';
import type { Batches } from './batches.js';
import type { TailBatching } from './tail-batching.js';

/** At most this share of one worker's time, unless it has nothing else to do. */
const TRIAL_SHARE = 0.05;
/** A longer tail would keep requests waiting for too long while runs of it are tried; requests of it run by themselves. */
const LONGEST_TAIL_MS = 100;
const LOOK_EVERY_MS = 250;
/** Runs of each kind behind a figure. */
const PAIRS = 5;

export interface BatchTrialsOptions {
  readonly batches: Batches;
  readonly scheduler: Pick<Scheduler, 'submit' | 'cancel' | 'inFlight' | 'queueDepth'>;
  readonly dispatcher: Pick<Dispatcher, 'tryBatch'>;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** ms that a tail takes on an idle edge. */
  readonly idleTailMs: (served: ServedCut) => number;
}

/** What was seen so far of the size that is tried. */
interface Trial {
  readonly batching: TailBatching;
  readonly size: number;
  isChecked: boolean;
  pairs: number;
  oneMs: number;
  togetherMs: number;
}

/**
 * Finds out of tails whose requests met whether running these at once gives the same answers, and in less time. It waits in the
 * ordinary queue like a canary, in steps of a few runs, so that it is done where there is never a quiet moment.
 */
export class BatchTrials {
  readonly #options: BatchTrialsOptions;
  #trial: Trial | undefined;
  #job: Job | undefined;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchTrialsOptions) {
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

  /** Takes the next step if it is time. */
  look(): void {
    const { scheduler, clock } = this.#options;
    const isIdle = scheduler.inFlight === 0 && scheduler.queueDepth === 0;
    if (this.#job !== undefined || (!isIdle && clock() < this.#nextAtMs)) return;
    const trial = this.#next();
    if (trial === undefined) return;
    const job: Job = {
      client: this,
      connection: this,
      model: trial.batching.served.version.name,
      idleMs: this.#stepMs(trial),
      isCanary: true,
      start: () => this.#step(trial),
      reject: () => {
        this.#job = undefined;
      },
    };
    this.#job = job;
    if (scheduler.submit(job) !== undefined) this.#job = undefined;
  }

  #next(): Trial | undefined {
    const batching = this.#options.batches.toTry;
    const size = batching?.nextSize;
    if (batching === undefined || size === undefined) return undefined;
    if (this.#options.idleTailMs(batching.served) > LONGEST_TAIL_MS) {
      batching.giveUp();
      return undefined;
    }
    const none = { isChecked: false, pairs: 0, oneMs: Number.POSITIVE_INFINITY, togetherMs: Number.POSITIVE_INFINITY };
    if (this.#trial?.batching !== batching || this.#trial.size !== size) this.#trial = { batching, size, ...none };
    return this.#trial;
  }

  /** As if it did not pay. */
  #stepMs({ batching, size, isChecked }: Trial): number {
    const tailMs = this.#options.idleTailMs(batching.served);
    return (isChecked ? 1 + size : 2 * size) * tailMs;
  }

  async #step(trial: Trial): Promise<void> {
    const { dispatcher, clock, batches } = this.#options;
    const { batching, size, isChecked } = trial;
    const { served } = batching;
    const { graphFile, batchGraphFile, weights, crossing: inputs, cut, version } = served;
    if (!version.isOpen || graphFile === undefined || batchGraphFile === undefined) {
      batching.giveUp();
      this.#job = undefined;
      return;
    }
    const startedAtMs = clock();
    const over = version.hold();
    const task = { graphFile, batchGraphFile, weights, inputs, outputs: cut.tailOutputs, size, isCheck: !isChecked };
    try {
      await this.#note(trial, await dispatcher.tryBatch(task));
    } catch (error) {
      batches.failed(batching, error);
    } finally {
      over();
      const nowMs = clock();
      this.#nextAtMs = nowMs + (nowMs - startedAtMs) * (1 / TRIAL_SHARE - 1);
      this.#job = undefined;
    }
  }

  async #note(trial: Trial, { oneMs, togetherMs, pairs, difference }: TrialOutcome): Promise<void> {
    const { batching, size } = trial;
    const { batches } = this.#options;
    if (difference !== undefined) {
      batches.failed(batching, new Error(`${size} inputs at once give other answers than one by one: ${difference}`));
      await batches.settled(batching);
      return;
    }
    if (!trial.isChecked) {
      trial.isChecked = true;
      return;
    }
    trial.oneMs = Math.min(trial.oneMs, oneMs);
    trial.togetherMs = Math.min(trial.togetherMs, togetherMs);
    trial.pairs += pairs;
    if (trial.pairs < PAIRS) return;
    if (batching.tried(size, trial.togetherMs / trial.oneMs)) await batches.settled(batching);
  }
}
