import type { Batching, Job } from './job.js';

/** What one worker does: a job, or several of one tail at once. */
export interface Run {
  readonly jobs: readonly [Job, ...Job[]];
  /** When its worker began with it; until then, when it was given to the worker. */
  readonly startedAtMs: number;
  /** What the worker still does, and this follows. */
  readonly behind?: Run | undefined;
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** What runs now, and what was given to a worker to follow that. */
export class Runs implements Iterable<Run> {
  readonly #runs = new Set<Changing<Run>>();
  readonly #byJob = new Map<Job, Changing<Run>>();

  get size(): number {
    return this.#runs.size;
  }

  /** Those that a worker is at. */
  get underWay(): readonly Run[] {
    return [...this.#runs].filter(({ behind }) => behind === undefined);
  }

  /** Those that follow one of these, on the same worker. */
  get following(): readonly Run[] {
    return [...this.#runs].filter(({ behind }) => behind !== undefined);
  }

  jobs(): Iterable<Job> {
    return this.#byJob.keys();
  }

  /** Runs of requests: those of the edge's own are none. */
  get ofRequests(): number {
    return [...this.#runs].filter(({ jobs }) => jobs[0].isCanary !== true).length;
  }

  add(run: Run): void {
    this.#runs.add(run);
    for (const job of run.jobs) this.#byJob.set(job, run);
  }

  /**
   * What follows it is under way from now on.
   * @returns the run that this job was in, with all of which it is over; `undefined` when it was before
   */
  end(job: Job, nowMs: number): { readonly run: Run; readonly follower: Run | undefined } | undefined {
    const run = this.#byJob.get(job);
    if (run === undefined) return undefined;
    this.#runs.delete(run);
    for (const each of run.jobs) this.#byJob.delete(each);
    const follower = [...this.#runs].find(({ behind }) => behind === run);
    if (follower !== undefined) {
      follower.behind = undefined;
      follower.startedAtMs = nowMs;
    }
    return { run, follower };
  }

  [Symbol.iterator](): Iterator<Run> {
    return this.#runs[Symbol.iterator]();
  }
}

/** The runs that jobs will come to, if those of one tail share them as far as they may; in the order of their first jobs. */
export function runsOf(jobs: Iterable<Job>): readonly Run['jobs'][] {
  const runs: [Job, ...Job[]][] = [];
  const open = new Map<Batching, [Job, ...Job[]]>();
  for (const job of jobs) {
    const { batching } = job;
    const last = batching && open.get(batching);
    if (batching !== undefined && last !== undefined && last.length < batching.maxSize) last.push(job);
    else {
      const run: [Job, ...Job[]] = [job];
      runs.push(run);
      if (batching !== undefined) open.set(batching, run);
    }
  }
  return runs;
}
