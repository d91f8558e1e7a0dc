import type { Job, Work } from './job.js';
import { predictQueueMs } from './queue-delay.js';
import { type Run, type Runs, runsOf } from './runs.js';

export interface ForecastOptions {
  readonly workers: number;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Load factor k of a model now. */
  readonly loadFactor: (model: string) => number;
}

/** Of all runs about half take longer than predicted: a deadline is only kept with a little to spare, */
const RUN_CAUTION = 1.1;
/** and the answer has its own way to go. */
const ANSWER_MS = 2;

/** How long work will take, and wait. */
export class Forecast {
  readonly #options: ForecastOptions;
  readonly #running: Runs;

  constructor(options: ForecastOptions, running: Runs) {
    this.#options = options;
    this.#running = running;
  }

  /** Of one piece of work by itself. */
  workMs({ idleMs, model }: Work): number {
    return idleMs * this.#options.loadFactor(model);
  }

  runMs(job: Work & Pick<Job, 'batching'>, size: number): number {
    return this.workMs(job) * (size === 1 ? 1 : (job.batching?.slowdown(size) ?? size));
  }

  /** ms until a run ends; less than 0 when it takes longer than was thought. */
  leftMs({ jobs, startedAtMs }: Run): number {
    return this.runMs(jobs[0], jobs.length) - (this.#options.clock() - startedAtMs);
  }

  /** What starts later than this, in a run of so many of its tail, is late. */
  latestStartMs(job: Work & Pick<Job, 'batching'>, deadlineAtMs: number, size = 1): number {
    return deadlineAtMs - this.runMs(job, size) * RUN_CAUTION - ANSWER_MS;
  }

  /** ms until a worker is free of what runs and of these jobs. */
  waitMs(waiting: Iterable<Job>): number {
    return this.#untilFreeMs(runsOf(waiting));
  }

  /** What a job waits for that comes after these, and with how many of them it will share its run, itself included. */
  placeOf(job: Job, ahead: readonly Job[]): { readonly waitMs: number; readonly size: number } {
    const runs = runsOf([...ahead, job]);
    const own = runs.findIndex((jobs) => jobs.includes(job));
    return { waitMs: this.#untilFreeMs(runs.slice(0, own)), size: runs[own]?.length ?? 1 };
  }

  #untilFreeMs(runs: readonly Run['jobs'][]): number {
    const { underWay, following } = this.#running;
    const next = [...following.map(({ jobs }) => jobs), ...runs];
    return predictQueueMs(
      this.#options.workers,
      underWay.map((run) => this.leftMs(run)),
      next.map((jobs) => this.runMs(jobs[0], jobs.length)),
    );
  }
}
