import { ArrivalRate } from '@cutpoint/partition';
import { ProtocolError } from '@cutpoint/protocol';
import { FairQueue } from './fair-queue.js';
import { predictQueueMs } from './queue-delay.js';

/** One piece of work, as the scheduler sees it. */
export interface Job {
  /** Whose it is; turns are taken between clients. */
  readonly client: object;
  readonly model: string;
  /** Run time of its tail on an idle edge, in ms. */
  readonly idleMs: number;
  /** The edge's own, to measure k: it takes a worker like any other, and is counted nowhere. */
  readonly isCanary?: boolean;
  /** By the scheduler's clock; after it the result is worthless. */
  readonly deadlineAtMs?: number;
  /** Called when a worker is free for it. The worker is taken until the promise settles, either way. */
  start(): Promise<void>;
  /** Called instead of `start` when it will never run. */
  reject(error: ProtocolError): void;
}

export interface SchedulerOptions {
  readonly workers: number;
  /** Jobs that may wait; one more is refused. */
  readonly maxQueue: number;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Load factor k of a model now. */
  readonly loadFactor: (model: string) => number;
  /** Something was queued, started or done. */
  readonly onChange?: () => void;
}

/** Admits, queues and orders what wants to run, and starts it when a worker is free. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue = new FairQueue<Job>();
  readonly #running = new Map<Job, number>();
  readonly #expiries = new Map<Job, ReturnType<typeof setTimeout>>();
  readonly #canaries = new Set<Job>();
  readonly #arrivals: ArrivalRate;
  #whenIdle: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#arrivals = new ArrivalRate(options.workers);
  }

  /** Requests that wait. */
  get queueDepth(): number {
    return this.#queue.size - [...this.#canaries].filter((job) => !this.#running.has(job)).length;
  }

  /** Requests that run. */
  get inFlight(): number {
    return this.#running.size - [...this.#canaries].filter((job) => this.#running.has(job)).length;
  }

  /** ms of predicted tail time admitted per ms and worker, in the mean of the last second or so. */
  get arrivalRate(): number {
    return this.#arrivals.rate(this.#options.clock());
  }

  /** Why a job that would be submitted now could not be taken; nothing is kept of it. */
  refusal(): ProtocolError | undefined {
    const { workers, maxQueue } = this.#options;
    // Requests only: a canary that runs keeps one of them waiting, and none out.
    if (this.inFlight + this.queueDepth < workers + maxQueue) return undefined;
    return new ProtocolError(
      'overloaded',
      `${this.queueDepth} requests are waiting, which is the limit; decide again with the load reported here`,
    );
  }

  /** Takes the job or says why not; then neither of its callbacks is called. */
  submit(job: Job): ProtocolError | undefined {
    const refusal = this.refusal() ?? this.#lateness(job);
    if (refusal !== undefined) return refusal;
    if (job.isCanary) this.#canaries.add(job);
    else this.#arrivals.observe(this.#predictMs(job), this.#options.clock());
    this.#queue.push(job.client, job);
    this.#startWhatCan();
    if (job.deadlineAtMs !== undefined && !this.#running.has(job)) this.#expireAt(job, job.deadlineAtMs);
    this.#options.onChange?.();
    return undefined;
  }

  /** Takes a waiting job out of the queue. `false` when it was not waiting; what runs is not interrupted. */
  cancel(job: Job): boolean {
    const removed = this.#queue.remove(job.client, job);
    if (!removed) return false;
    this.#canaries.delete(job);
    this.#forgetExpiry(job);
    this.#options.onChange?.();
    return true;
  }

  /** ms that a request arriving now would wait before its tail starts. */
  queueMs(): number {
    const nowMs = this.#options.clock();
    const running = [...this.#running].map(([job, startedAtMs]) => this.#predictMs(job) - (nowMs - startedAtMs));
    return predictQueueMs(
      this.#options.workers,
      running,
      [...this.#queue].map((job) => this.#predictMs(job)),
    );
  }

  /** Rejects everything that waits. */
  rejectQueued(error: ProtocolError): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      this.#canaries.delete(job);
      this.#forgetExpiry(job);
      job.reject(error);
    }
    this.#options.onChange?.();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #predictMs(job: Job): number {
    return job.idleMs * this.#options.loadFactor(job.model);
  }

  #lateness({ deadlineAtMs }: Job): ProtocolError | undefined {
    if (deadlineAtMs === undefined) return undefined;
    const queueMs = this.queueMs();
    if (this.#options.clock() + queueMs < deadlineAtMs) return undefined;
    return new ProtocolError(
      'deadline_exceeded',
      `the deadline is over before a worker is free (${queueMs.toFixed(0)} ms); decide again, or allow more time`,
    );
  }

  #startWhatCan(): void {
    while (this.#running.size < this.#options.workers) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#forgetExpiry(job);
      // Timers may be late when the loop is busy, so the deadline is looked at once more.
      if (job.deadlineAtMs !== undefined && this.#options.clock() >= job.deadlineAtMs) {
        job.reject(expired());
        continue;
      }
      this.#running.set(job, this.#options.clock());
      job.start().then(
        () => this.finished(job),
        () => this.finished(job),
      );
    }
  }

  /** A job is done, before its answer says how loaded the edge is: the next one need not wait for the answer. */
  finished(job: Job): void {
    if (!this.#running.delete(job)) return;
    this.#canaries.delete(job);
    this.#startWhatCan();
    this.#options.onChange?.();
    if (this.#running.size > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  #expireAt(job: Job, deadlineAtMs: number): void {
    const expire = () => {
      if (this.cancel(job)) job.reject(expired());
    };
    const inMs = deadlineAtMs - this.#options.clock();
    if (inMs <= MAX_TIMER_MS) this.#expiries.set(job, setTimeout(expire, inMs).unref());
  }

  #forgetExpiry(job: Job): void {
    clearTimeout(this.#expiries.get(job));
    this.#expiries.delete(job);
  }
}

/** What a timer can hold; a deadline further away is looked at when the job starts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function expired(): ProtocolError {
  return new ProtocolError('deadline_exceeded', 'the deadline passed while the request was waiting for a worker');
}
