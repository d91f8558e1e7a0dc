import { ProtocolError } from '@cutpoint/protocol';
import { FairQueue } from './fair-queue.js';
import { predictQueueMs } from './queue-delay.js';

/** What is known of a piece of work before it is there. */
export interface Work {
  /** Whose it is; turns are taken between clients. */
  readonly client: object;
  readonly model: string;
  /** Run time of its tail on an idle edge, in ms. */
  readonly idleMs: number;
}

/** One piece of work, as the scheduler sees it. */
export interface Job extends Work {
  /** The edge's own, to measure k: it takes a worker like any other, and is counted nowhere. */
  readonly isCanary?: boolean;
  /** By the scheduler's clock; after it the result is worthless. */
  readonly deadlineAtMs?: number;
  /** Called when a worker is free for it. The worker is taken until the promise settles, either way. */
  start(): Promise<void>;
  /** Called instead of `start` when it will never run. */
  reject(error: ProtocolError): void;
}

/** A place in the queue, held for work that was announced. There is nothing in it to start until its job has come. */
export interface Place {
  readonly work: Work;
  /** Put here by the scheduler alone. */
  job: Job | undefined;
}

export interface SchedulerOptions {
  readonly workers: number;
  /** Jobs that may wait; one more is refused. Places that are held for later count for nothing here. */
  readonly maxQueue: number;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Load factor k of a model now. */
  readonly loadFactor: (model: string) => number;
  /** Something was announced, queued, started or done. */
  readonly onChange?: () => void;
}

/** Admits, queues and orders what wants to run, and starts it when a worker is free. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue = new FairQueue<Place>(({ job }) => job !== undefined);
  /** Of jobs that wait. */
  readonly #places = new Map<Job, Place>();
  readonly #running = new Map<Job, number>();
  readonly #expiries = new Map<Job, ReturnType<typeof setTimeout>>();
  #whenIdle: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Requests that wait for a worker, and for nothing else. */
  get queueDepth(): number {
    return countRequests(this.#places.keys());
  }

  /** Requests that run. */
  get inFlight(): number {
    return countRequests(this.#running.keys());
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

  /**
   * Holds a place for work that will come: its job is served as if it had come now. Others go before it meanwhile, so
   * nothing is lost by it. Whoever holds a place ends it, by {@link submit} or {@link release}.
   */
  reserve(work: Work): Place {
    const place: Place = { work, job: undefined };
    this.#queue.push(work.client, place);
    this.#options.onChange?.();
    return place;
  }

  /** Gives a place back, with the job in it if there is one. `false` when that runs, or when it was given back before. */
  release(place: Place): boolean {
    if (!this.#queue.remove(place.work.client, place)) return false;
    if (place.job !== undefined) this.#leave(place.job);
    this.#options.onChange?.();
    return true;
  }

  /**
   * Takes the job or says why not; then neither of its callbacks is called.
   * @param place that was held for it; it is given back when the job is not taken.
   */
  submit(job: Job, place: Place = this.reserve(job)): ProtocolError | undefined {
    const refusal = this.refusal() ?? this.#lateness(job, place);
    if (refusal !== undefined) {
      this.release(place);
      return refusal;
    }
    place.job = job;
    this.#places.set(job, place);
    this.#startWhatCan();
    if (job.deadlineAtMs !== undefined && this.#places.has(job)) this.#expireAt(job, job.deadlineAtMs);
    this.#options.onChange?.();
    return undefined;
  }

  /** Takes a waiting job out of the queue. `false` when it was not waiting; what runs is not interrupted. */
  cancel(job: Job): boolean {
    const place = this.#places.get(job);
    return place !== undefined && this.release(place);
  }

  /** ms that a request arriving now would wait before its tail starts, if nothing that is announced came before it. */
  queueMs(): number {
    return this.#waitMs(this.#places.keys());
  }

  /** Predicted ms a worker of what was announced and is not here yet. */
  announcedMs(): number {
    const announced = [...this.#queue].filter(({ job }) => job === undefined);
    return announced.reduce((sum, { work }) => sum + this.#predictMs(work), 0) / this.#options.workers;
  }

  /** Rejects everything that waits for a worker. */
  rejectQueued(error: ProtocolError): void {
    for (let job = this.#next(); job !== undefined; job = this.#next()) job.reject(error);
    this.#options.onChange?.();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Takes the job whose turn it is out of the queue. */
  #next(): Job | undefined {
    const job = this.#queue.shift()?.job;
    if (job !== undefined) this.#leave(job);
    return job;
  }

  /** A job no longer waits. */
  #leave(job: Job): void {
    this.#places.delete(job);
    clearTimeout(this.#expiries.get(job));
    this.#expiries.delete(job);
  }

  #predictMs({ idleMs, model }: Work): number {
    return idleMs * this.#options.loadFactor(model);
  }

  /** ms until a worker is free of what runs and of these. */
  #waitMs(waiting: Iterable<Work>): number {
    const nowMs = this.#options.clock();
    const running = [...this.#running].map(([job, startedAtMs]) => this.#predictMs(job) - (nowMs - startedAtMs));
    return predictQueueMs(
      this.#options.workers,
      running,
      [...waiting].map((work) => this.#predictMs(work)),
    );
  }

  #lateness({ deadlineAtMs, client }: Job, place: Place): ProtocolError | undefined {
    if (deadlineAtMs === undefined) return undefined;
    const queueMs = this.#waitMs(this.#queue.ahead(client, place).map(({ work }) => work));
    if (this.#options.clock() + queueMs < deadlineAtMs) return undefined;
    return new ProtocolError(
      'deadline_exceeded',
      `the deadline is over before a worker is free (${queueMs.toFixed(0)} ms); decide again, or allow more time`,
    );
  }

  #startWhatCan(): void {
    while (this.#running.size < this.#options.workers) {
      const job = this.#next();
      if (job === undefined) return;
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
}

/** What a timer can hold; a deadline further away is looked at when the job starts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function expired(): ProtocolError {
  return new ProtocolError('deadline_exceeded', 'the deadline passed while the request was waiting for a worker');
}

/** The edge's own are none. */
function countRequests(jobs: Iterable<Job>): number {
  return [...jobs].filter(({ isCanary }) => isCanary !== true).length;
}
