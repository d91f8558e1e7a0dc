import type { Batching, Job } from './job.js';

/** Jobs that wait a little for others of their tail, to share a run, though a worker may be free. */
export class Pauses {
  readonly #timers = new Map<Job, ReturnType<typeof setTimeout>>();
  readonly #onEnd: () => void;
  readonly #countWaiting: (batching: Batching) => number;

  /**
   * @param onEnd a job need not wait any more
   * @param countWaiting jobs of a tail that are here and do not run
   */
  constructor(onEnd: () => void, countWaiting: (batching: Batching) => number) {
    this.#onEnd = onEnd;
    this.#countWaiting = countWaiting;
  }

  begin(job: Job, forMs: number): void {
    const end = () => {
      this.#timers.delete(job);
      this.#onEnd();
    };
    this.#timers.set(job, setTimeout(end, forMs).unref());
  }

  /** It does not wait any more, or never did. */
  end(job: Job): void {
    clearTimeout(this.#timers.get(job));
    this.#timers.delete(job);
  }

  /** Enough of its tail end the wait of all. */
  has(job: Job): boolean {
    const { batching } = job;
    return batching !== undefined && this.#timers.has(job) && this.#countWaiting(batching) < batching.maxSize;
  }
}
