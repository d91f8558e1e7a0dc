import { ProtocolError } from '@cutpoint/protocol';
import { FairQueue } from './fair-queue.js';
import { predictQueueMs } from './queue-delay.js';
import { mayWait } from './queue-share.js';
import { type Owners, SharedUse } from './shared-use.js';

/** What is known of a piece of work before it is there. */
export interface Work extends Owners {
  readonly model: string;
  /** Run time of its tail on an idle edge, in ms. */
  readonly idleMs: number;
}

/** One piece of work, as the scheduler sees it. */
export interface Job extends Work {
  /** The edge's own, to measure k: it takes a worker like any other, and is counted nowhere. */
  readonly isCanary?: boolean;
  /** By the scheduler's clock; after it the result is worthless. Left out: {@link SchedulerOptions.defaultDeadlineMs}. */
  readonly deadlineAtMs?: number;
  /** Called when a worker is free for it. The worker is taken until the promise settles, either way. */
  start(): Promise<void>;
  /** Called instead of `start` when it will never run. */
  reject(error: ProtocolError): void;
}

/** A place in the queue, held for work that was announced. There is nothing in it to start until its job has come. */
export interface Place {
  readonly work: Work;
  /** Its client's places are served in this order: the deadline of its job, or the default as of the reservation. */
  readonly dueAtMs: number;
  readonly job: Job | undefined;
}

/** A place as the scheduler alone may change it. */
interface HeldPlace extends Place {
  dueAtMs: number;
  job: Job | undefined;
}

interface Waiting {
  readonly place: HeldPlace;
  readonly deadlineAtMs: number;
  expiry?: ReturnType<typeof setTimeout>;
}

export interface SchedulerOptions {
  readonly workers: number;
  /** Jobs that may wait; one more is refused. Places that are held for later count for nothing here. */
  readonly maxQueue: number;
  /** A job that names no deadline is worthless so long after it came. */
  readonly defaultDeadlineMs: number;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Load factor k of a model now. */
  readonly loadFactor: (model: string) => number;
  /** Something was announced, queued, started or done. */
  readonly onChange?: () => void;
  /** A job ended in an error that it should have answered itself. */
  readonly onDefect?: (error: unknown) => void;
}

/** Of all runs about half take longer than predicted: a deadline is only kept with a little to spare, */
const RUN_CAUTION = 1.1;
/** and the answer has its own way to go. */
const ANSWER_MS = 2;
/** What a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Admits, queues and orders what wants to run, and starts it when a worker is free. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: FairQueue<HeldPlace>;
  readonly #waiting = new Map<Job, Waiting>();
  readonly #use = new SharedUse();
  readonly #running = new Map<Job, number>();
  #whenIdle: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#queue = new FairQueue({
      isReady: ({ job }) => job !== undefined,
      dueAtMs: ({ dueAtMs }) => dueAtMs,
      owners: [({ work }) => work.client, ({ work }) => work.connection],
      judge: () => {
        const hadTooMuch = this.#use.judge(options.clock());
        return [
          ({ work }) => hadTooMuch.client(work, this.#predictMs(work)),
          ({ work }) => hadTooMuch.connection(work, this.#predictMs(work)),
        ];
      },
    });
  }

  /** Requests that wait for a worker, and for nothing else. */
  get queueDepth(): number {
    return countRequests(this.#waiting.keys());
  }

  /** Requests that run. */
  get inFlight(): number {
    return countRequests(this.#running.keys());
  }

  /** Workers that are taken, by canaries too. */
  get busyWorkers(): number {
    return this.#running.size;
  }

  /** Why a job of these owners that would be submitted now could not be taken; nothing is kept of it. */
  refusal({ client, connection }: Owners): ProtocolError | undefined {
    const { workers, maxQueue } = this.#options;
    const ofClient = [...this.#waiting.keys()].filter((job) => job.isCanary !== true && job.client === client);
    const ofConnection = ofClient.filter((job) => job.connection === connection);
    // Requests only: a canary that runs keeps one of them waiting, and none out.
    const free = workers + maxQueue - this.inFlight - this.queueDepth;
    if (mayWait(free, [ofClient.length, ofConnection.length])) return undefined;
    const waiting = `${this.queueDepth} requests are waiting, ${ofClient.length} of them this client's`;
    return new ProtocolError(
      'overloaded',
      `${waiting}, which is ${free > 0 ? 'its share' : 'the limit'}; decide again with the load reported here`,
    );
  }

  /**
   * Holds a place for work that will come: its job is served as if it had come now. Others go before it meanwhile, so
   * nothing is lost by it. Whoever holds a place ends it, by {@link submit} or {@link release}.
   */
  reserve(work: Work): Place {
    return this.#hold(work);
  }

  /** Gives a place back, with the job in it if there is one. `false` when that runs, or when it was given back before. */
  release(place: Place): boolean {
    if (!this.#queue.remove(place)) return false;
    if (place.job !== undefined) this.#leave(place.job);
    this.#options.onChange?.();
    return true;
  }

  /**
   * Takes the job or says why not; then neither of its callbacks is called.
   * @param reserved the place that was held for it; it is given back when the job is not taken.
   */
  submit(job: Job, reserved?: Place): ProtocolError | undefined {
    const place: HeldPlace = reserved ?? this.#hold(job);
    const { clock, defaultDeadlineMs } = this.#options;
    if (job.deadlineAtMs !== undefined) place.dueAtMs = job.deadlineAtMs;
    const deadlineAtMs = job.deadlineAtMs ?? clock() + defaultDeadlineMs;
    const refusal = this.refusal(job) ?? this.#lateness(job, deadlineAtMs, place);
    if (refusal !== undefined) {
      this.release(place);
      return refusal;
    }
    place.job = job;
    this.#waiting.set(job, { place, deadlineAtMs });
    this.#startWhatCan();
    this.#watch(job);
    this.#options.onChange?.();
    return undefined;
  }

  /** Takes a waiting job out of the queue. `false` when it was not waiting; what runs is not interrupted. */
  cancel(job: Job): boolean {
    const waiting = this.#waiting.get(job);
    return waiting !== undefined && this.release(waiting.place);
  }

  /** A client is gone for good, and has nothing here any more. */
  forgetClient(client: object): void {
    this.#use.forgetClient(client);
  }

  /** A connection is gone, and has nothing here any more. */
  forgetConnection(owners: Owners): void {
    this.#use.forgetConnection(owners);
  }

  /** ms that a request arriving now would wait before its tail starts, if nothing that is announced came before it. */
  queueMs(): number {
    return this.#waitMs(this.#waiting.keys());
  }

  /** Predicted ms a worker of what was announced and is not here yet. */
  announcedMs(): number {
    const announced = [...this.#queue].filter(({ job }) => job === undefined);
    return announced.reduce((sum, { work }) => sum + this.#predictMs(work), 0) / this.#options.workers;
  }

  /** Rejects everything that waits for a worker. */
  rejectQueued(error: ProtocolError): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next.job.reject(error);
    this.#options.onChange?.();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #hold(work: Work): HeldPlace {
    const { clock, defaultDeadlineMs } = this.#options;
    const place: HeldPlace = { work, dueAtMs: clock() + defaultDeadlineMs, job: undefined };
    this.#queue.push(place);
    this.#options.onChange?.();
    return place;
  }

  /** Takes the job whose turn it is out of the queue. */
  #next(): { readonly job: Job; readonly deadlineAtMs: number } | undefined {
    const job = this.#queue.shift()?.job;
    const waiting = job === undefined ? undefined : this.#leave(job);
    if (job === undefined || waiting === undefined) return undefined;
    return { job, deadlineAtMs: waiting.deadlineAtMs };
  }

  /** A job no longer waits. */
  #leave(job: Job): Waiting | undefined {
    const waiting = this.#waiting.get(job);
    clearTimeout(waiting?.expiry);
    this.#waiting.delete(job);
    return waiting;
  }

  #predictMs({ idleMs, model }: Work): number {
    return idleMs * this.#options.loadFactor(model);
  }

  /** What starts later than this is late. */
  #latestStartMs(work: Work, deadlineAtMs: number): number {
    return deadlineAtMs - this.#predictMs(work) * RUN_CAUTION - ANSWER_MS;
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

  #lateness(work: Work, deadlineAtMs: number, place: HeldPlace): ProtocolError | undefined {
    const spareMs = this.#latestStartMs(work, deadlineAtMs) - this.#options.clock();
    // Not everything that waits goes before it, but if it did and that were in time there is nothing to find out.
    if (spareMs >= this.queueMs()) return undefined;
    const waitMs = this.#waitMs(this.#queue.ahead(place).map((ahead) => ahead.work));
    if (spareMs >= waitMs) return undefined;
    return new ProtocolError(
      'deadline_exceeded',
      `a worker is free in ${waitMs.toFixed(0)} ms and the tail takes ${this.#predictMs(work).toFixed(0)}: ` +
        'too late for the deadline; decide again, or allow more time',
    );
  }

  #startWhatCan(): void {
    while (this.#running.size < this.#options.workers) {
      const next = this.#next();
      if (next === undefined) return;
      const { job, deadlineAtMs } = next;
      const nowMs = this.#options.clock();
      // Timers are late when the loop is busy, and what ran before took longer than was thought.
      if (nowMs > this.#latestStartMs(job, deadlineAtMs)) {
        job.reject(expired());
        continue;
      }
      this.#running.set(job, nowMs);
      job
        .start()
        .catch((error: unknown) => this.#options.onDefect?.(error))
        .finally(() => this.finished(job));
    }
  }

  /** A job is done, before its answer says how loaded the edge is: the next one need not wait for the answer. */
  finished(job: Job): void {
    const startedAtMs = this.#running.get(job);
    if (startedAtMs === undefined) return;
    this.#running.delete(job);
    const nowMs = this.#options.clock();
    if (job.isCanary !== true) this.#use.add(job, nowMs - startedAtMs, nowMs);
    this.#startWhatCan();
    this.#options.onChange?.();
    if (this.#running.size > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  /** Drops a job that waits as soon as it can no longer be in time; by then it may be thought to take less, or more. */
  #watch(job: Job): void {
    const waiting = this.#waiting.get(job);
    if (waiting === undefined) return;
    const spareMs = this.#latestStartMs(job, waiting.deadlineAtMs) - this.#options.clock();
    if (spareMs < 0) {
      this.cancel(job);
      job.reject(expired());
      return;
    }
    // A timer counts in whole ms and may be early by a part of one.
    waiting.expiry = setTimeout(() => this.#watch(job), Math.min(Math.ceil(spareMs) + 1, MAX_TIMER_MS)).unref();
  }
}

function expired(): ProtocolError {
  return new ProtocolError('deadline_exceeded', 'the deadline cannot be kept any more: no worker was free in time');
}

/** The edge's own are none. */
function countRequests(jobs: Iterable<Job>): number {
  return [...jobs].filter(({ isCanary }) => isCanary !== true).length;
}
