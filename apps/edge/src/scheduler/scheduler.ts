import type { ProtocolError } from '@cutpoint/protocol';
import { FairQueue } from './fair-queue.js';
import { Forecast, type ForecastOptions } from './forecast.js';
import type { Batching, Job, Place, Work } from './job.js';
import { type Due, joining } from './joining.js';
import { Pauses } from './pauses.js';
import { mayWait } from './queue-share.js';
import { expired, overloaded, tooLate } from './refusals.js';
import { RequestCounts } from './request-counts.js';
import { type Run, Runs } from './runs.js';
import { type Owners, SharedUse } from './shared-use.js';

export type { Batching, Job, Place, Work } from './job.js';

/** A place as the scheduler alone may change it. */
interface HeldPlace extends Place {
  dueAtMs: number;
  job: Job | undefined;
}

interface Waiting extends Due {
  readonly place: HeldPlace;
  expiry?: ReturnType<typeof setTimeout>;
}

export interface SchedulerOptions extends ForecastOptions {
  /** Jobs that may wait; one more is refused. Places that are held for later count for nothing here. */
  readonly maxQueue: number;
  /** A job that names no deadline is worthless so long after it came. */
  readonly defaultDeadlineMs: number;
  /** A job may wait so long for others to share its run; not at all when left out. */
  readonly batchWaitMs?: number;
  /** Something was announced, queued, started or done. */
  readonly onChange?: () => void;
  /** A job ended in an error that it should have answered itself. */
  readonly onDefect?: (error: unknown) => void;
}

/** What a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A worker is given its next run so long before it is thought to be done with the one before: a part of what that takes, within
 * bounds. Else it would be idle until it has told that it is done, and was told what to do; on few cores that is over a ms.
 */
const LEAD = { part: 0.15, leastMs: 1, mostMs: 3 };

/** Admits, queues and orders what wants to run, and starts it when a worker is free. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: FairQueue<HeldPlace>;
  readonly #waiting = new Map<Job, Waiting>();
  readonly #counts = new RequestCounts();
  readonly #use = new SharedUse();
  readonly #runs = new Runs();
  /** Of runs that are about to end. */
  readonly #leads = new Map<Run, ReturnType<typeof setTimeout>>();
  readonly #forecast: Forecast;
  readonly #pauses: Pauses;
  #whenIdle: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#forecast = new Forecast(options, this.#runs);
    const onEnd = () => {
      this.#startWhatCan();
      options.onChange?.();
    };
    this.#pauses = new Pauses(onEnd, (batching) => this.#countWaiting(batching));
    this.#queue = new FairQueue({
      isReady: ({ job }) => job !== undefined && !this.#pauses.has(job),
      dueAtMs: ({ dueAtMs }) => dueAtMs,
      owners: [({ work }) => work.client, ({ work }) => work.connection],
      judge: () => this.#judge().map((hadTooMuch) => (place: HeldPlace) => hadTooMuch(place.work)),
    });
  }

  /** Requests that wait for a worker, and for nothing else. */
  get queueDepth(): number {
    return this.#counts.total;
  }

  /** Requests that run. */
  get inFlight(): number {
    return countRequests(this.#runs.jobs());
  }

  /** Workers that are taken, by canaries too. */
  get busyWorkers(): number {
    return this.#runs.underWay.length;
  }

  /** Why a job of these owners that would be submitted now could not be taken; nothing is kept of it. */
  refusal(owners: Owners): ProtocolError | undefined {
    const { workers, maxQueue } = this.#options;
    const [ofClient, ofConnection] = this.#counts.of(owners);
    // Requests only: a canary that runs keeps one of them waiting, and none out.
    const free = workers + maxQueue - this.#runs.ofRequests - this.queueDepth;
    if (mayWait(free, [ofClient, ofConnection])) return undefined;
    return overloaded(free, this.queueDepth, ofClient);
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
    this.#waiting.set(job, { job, place, deadlineAtMs });
    this.#counts.add(job);
    this.#pause(job, deadlineAtMs);
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
    return this.#forecast.waitMs(this.#waiting.keys());
  }

  /** Predicted ms a worker of what was announced and is not here yet. */
  announcedMs(): number {
    const announced = [...this.#queue].filter(({ job }) => job === undefined);
    return announced.reduce((sum, { work }) => sum + this.#forecast.workMs(work), 0) / this.#options.workers;
  }

  /** Rejects everything that waits for a worker. */
  rejectQueued(error: ProtocolError): void {
    for (const [job, { place }] of [...this.#waiting]) {
      this.release(place);
      job.reject(error);
    }
    this.#options.onChange?.();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#runs.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #hold(work: Work): HeldPlace {
    const { clock, defaultDeadlineMs } = this.#options;
    const place: HeldPlace = { work, dueAtMs: clock() + defaultDeadlineMs, job: undefined };
    this.#queue.push(place);
    this.#options.onChange?.();
    return place;
  }

  /** Who had too much, as of now: one question for clients, one for the connections of each. */
  #judge(): readonly [ofClients: (work: Work) => boolean, ofConnections: (work: Work) => boolean] {
    const judged = this.#use.judge(this.#options.clock());
    const turnMs = (work: Work) => this.#forecast.workMs(work);
    return [(work) => judged.client(work, turnMs(work)), (work) => judged.connection(work, turnMs(work))];
  }

  /** A job no longer waits. */
  #leave(job: Job | undefined): Waiting | undefined {
    const waiting = job && this.#waiting.get(job);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.expiry);
    this.#pauses.end(waiting.job);
    this.#waiting.delete(waiting.job);
    this.#counts.remove(waiting.job);
    return waiting;
  }

  #lateness(job: Job, deadlineAtMs: number, place: HeldPlace): ProtocolError | undefined {
    const nowMs = this.#options.clock();
    // Not everything that waits goes before it, but if it did and that were in time there is nothing to find out.
    if (this.#forecast.latestStartMs(job, deadlineAtMs) - nowMs >= this.queueMs()) return undefined;
    const ahead = this.#queue.ahead(place).flatMap((other) => other.job ?? []);
    const inTime = ({ waitMs, size }: { readonly waitMs: number; readonly size: number }) =>
      this.#forecast.latestStartMs(job, deadlineAtMs, size) - nowMs >= waitMs;
    const alone = { waitMs: this.#forecast.waitMs(ahead), size: 1 };
    if (inTime(alone) || inTime(this.#forecast.placeOf(job, ahead))) return undefined;
    return tooLate(alone.waitMs, this.#forecast.workMs(job));
  }

  #startWhatCan(): void {
    for (;;) {
      const isFree = this.#runs.underWay.length < this.#options.workers;
      const behind = isFree ? undefined : this.#endingSoon();
      if (!isFree && behind === undefined) return;
      // Who waits for all others waits for those as well that come before the worker is free.
      if (behind !== undefined && this.#queue.first()?.waits === true) return;
      const next = this.#leave(this.#queue.shift()?.job);
      if (next === undefined) return;
      const { job, deadlineAtMs } = next;
      const startedAtMs = this.#options.clock();
      // Timers are late when the loop is busy, and what ran before took longer than was thought.
      if (startedAtMs > this.#forecast.latestStartMs(job, deadlineAtMs)) {
        job.reject(expired());
        continue;
      }
      const others = this.#joining(next, startedAtMs);
      const run: Run = { jobs: [job, ...others], startedAtMs, behind };
      this.#runs.add(run);
      if (behind === undefined) this.#lead(run);
      job
        .start(others, run)
        .catch((error: unknown) => this.#options.onDefect?.(error))
        .finally(() => this.finished(job));
    }
  }

  #leadMs({ jobs }: Run): number {
    const { part, leastMs, mostMs } = LEAD;
    return Math.min(mostMs, Math.max(leastMs, part * this.#forecast.runMs(jobs[0], jobs.length)));
  }

  /** Looks for what may follow a run in time. */
  #lead(run: Run): void {
    const inMs = this.#forecast.leftMs(run) - this.#leadMs(run);
    // A timer counts in whole ms and may be early by a part of one.
    const look = () => this.#startWhatCan();
    this.#leads.set(run, setTimeout(look, Math.min(Math.max(1, Math.ceil(inMs)), MAX_TIMER_MS)).unref());
  }

  /** The run that is thought to end first, within what a worker is given before; of one that takes longer than was thought nobody knows. */
  #endingSoon(): Run | undefined {
    const followed = new Set(this.#runs.following.map(({ behind }) => behind));
    const [first] = this.#runs.underWay
      .filter((run) => !followed.has(run) && Math.abs(this.#forecast.leftMs(run)) <= this.#leadMs(run))
      .sort((a, b) => this.#forecast.leftMs(a) - this.#forecast.leftMs(b));
    return first;
  }

  /** Takes those who share a run out of the queue. */
  #joining(first: Due, nowMs: number): readonly Job[] {
    const { batching } = first.job;
    if (batching === undefined || this.#countWaiting(batching) === 0) return [];
    batching.met();
    if (batching.maxSize < 2) return [];
    const [ofClients, ofConnections] = this.#judge();
    const waiting = this.#queue.inTurn(({ job }) => job && this.#waiting.get(job));
    const joined = joining(first, waiting, {
      isInTime: ({ job, deadlineAtMs }, size) => nowMs <= this.#forecast.latestStartMs(job, deadlineAtMs, size),
      canFollow: ({ job, deadlineAtMs }, size) =>
        nowMs + this.#forecast.runMs(first.job, size) <= this.#forecast.latestStartMs(job, deadlineAtMs),
      hadTooMuch: (job, owner) => (owner === 'client' ? ofClients : ofConnections)(job),
    });
    for (const { job } of joined) {
      const waited = this.#leave(job);
      if (waited !== undefined) this.#queue.serve(waited.place);
    }
    return joined.map(({ job }) => job);
  }

  #countWaiting(batching: Batching): number {
    return [...this.#waiting.keys()].filter((job) => job.batching === batching).length;
  }

  /** Has a job wait for others of its tail, if that is wanted and nobody is late by it. */
  #pause(job: Job, deadlineAtMs: number): void {
    const { batchWaitMs = 0, clock } = this.#options;
    const maxSize = job.batching?.maxSize ?? 1;
    if (batchWaitMs === 0 || maxSize < 2) return;
    const spareMs = this.#forecast.latestStartMs(job, deadlineAtMs, maxSize) - clock();
    if (spareMs > 0) this.#pauses.begin(job, Math.min(batchWaitMs, spareMs));
  }

  /** A job is done, and all that ran with it, before its answer says how loaded the edge is: the next one need not wait for the answer. */
  finished(job: Job): void {
    const nowMs = this.#options.clock();
    const ended = this.#runs.end(job, nowMs);
    if (ended === undefined) return;
    const { run, follower } = ended;
    clearTimeout(this.#leads.get(run));
    this.#leads.delete(run);
    if (follower !== undefined) this.#lead(follower);
    // What they shared each had its part of.
    const shareMs = (nowMs - run.startedAtMs) / run.jobs.length;
    for (const each of run.jobs) if (each.isCanary !== true) this.#use.add(each, shareMs, nowMs);
    this.#startWhatCan();
    this.#options.onChange?.();
    if (this.#runs.size > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  /** Drops a job that waits as soon as it can no longer be in time; by then it may be thought to take less, or more. */
  #watch(job: Job): void {
    const waiting = this.#waiting.get(job);
    if (waiting === undefined) return;
    const spareMs = this.#forecast.latestStartMs(job, waiting.deadlineAtMs) - this.#options.clock();
    if (spareMs < 0) {
      this.cancel(job);
      job.reject(expired());
      return;
    }
    // A timer counts in whole ms and may be early by a part of one.
    waiting.expiry = setTimeout(() => this.#watch(job), Math.min(Math.ceil(spareMs) + 1, MAX_TIMER_MS)).unref();
  }
}

/** The edge's own are none. */
function countRequests(jobs: Iterable<Job>): number {
  return [...jobs].filter(({ isCanary }) => isCanary !== true).length;
}
