import type { Estimate } from '../conditions.js';
import { ServiceLoad, type ServiceShare, waitForWorker } from './service-load.js';

/** What a load report of the edge says of one model. */
export interface EdgeLoad {
  /** ms that a request arriving now would wait before its tail starts; left out when this client's own work is in it. */
  readonly queueMs?: number | undefined;
  /** Load factor of this model; left out when the edge has none yet. */
  readonly k?: number | undefined;
  /** ms of work a worker that others announced and have not sent yet; left out like `queueMs`. */
  readonly announcedMs?: number | undefined;
  /** Share of its time that a worker runs tails, and what is left of the one that runs: see {@link ServiceLoad}. */
  readonly busy?: number | undefined;
  readonly residualMs?: number | undefined;
  readonly workers?: number | undefined;
  /** (Waiting + run) ÷ profiled time of recent tails of this model. */
  readonly kWithQueue?: number | undefined;
  /** 0..1, or `null` where there is no GPU that can be read. */
  readonly gpuUtilisation?: number | null | undefined;
  /** Clients that see this edge's load and may act on it, this one included. */
  readonly clients?: number | undefined;
}

/**
 * The edge pushes on change, so a report holds for a while; a queue is a thing of seconds, a load of tens. A canary of
 * the edge keeps k fresh, so silence for longer means that nobody says anything any more.
 */
const QUEUE_FRESH_MS = 1_000;
const QUEUE_HALF_LIFE_MS = 1_000;
/** A queue that moved is reported after this at the latest, so it is taken to go down for no longer. */
const QUEUE_REPORTED_MS = 100;
const K_FRESH_MS = 5_000;
const K_HALF_LIFE_MS = 5_000;
/** Over this time what the queue was off by is half forgotten. */
const QUEUE_DEVIATION_HALF_LIFE_MS = 2_000;
/** Of k, in the logarithm: at least, and over this time what it moved by is half forgotten. */
const LEAST_K_DEVIATION = 0.05;
const K_DEVIATION_HALF_LIFE_MS = 2_000;

/** Queue delay q and load factor k, as last reported; both relax to those of an idle edge as the report ages. */
export class EdgeLoadTracker {
  #queueMs = 0;
  #queueAtMs = Number.NEGATIVE_INFINITY;
  #announcedMs = 0;
  /** Mean square of what the queue was off by. */
  #queueVariance = 0;
  /** Nothing before the edge has said so. */
  #others: ServiceShare | undefined;
  #workers = 1;
  /** Tails of this page, which the edge's figures hold and which no request of this page has to wait for. */
  readonly #own = new ServiceLoad();
  #k = 1;
  #kAtMs = Number.NEGATIVE_INFINITY;
  #kWithQueue: number | undefined;
  #gpuUtilisation: number | null = null;
  #clients = 1;
  /** Mean square of how far k moved from one report to the next, in the logarithm. */
  #kVariance = 0;

  observe(load: EdgeLoad, atMs: number): void {
    const { queueMs, announcedMs } = load;
    this.#observeService(load, atMs);
    if (isTime(queueMs)) this.#observeQueue(queueMs, atMs);
    if (isTime(announcedMs)) this.#announcedMs = announcedMs;
    if (isPositive(load.k)) this.#observeK(load.k, atMs);
    if (isPositive(load.kWithQueue)) this.#kWithQueue = load.kWithQueue;
    const { gpuUtilisation, clients } = load;
    if (gpuUtilisation !== undefined) this.#gpuUtilisation = gpuUtilisation;
    if (isPositive(clients)) this.#clients = clients;
  }

  /** A tail of this page kept a worker for so long; tell it before the report that came with the answer. */
  observeOwn(serviceMs: number, atMs: number): void {
    this.#own.observe(serviceMs, atMs);
  }

  queue(nowMs: number): Estimate {
    const ageMs = Math.max(0, nowMs - this.#queueAtMs);
    return {
      value: this.#expectedMs(ageMs) * this.#fresh(nowMs),
      ageMs,
      confident: ageMs <= QUEUE_FRESH_MS,
      uncertainty: Math.sqrt(this.#queueVariance),
    };
  }

  announcedMs(nowMs: number): number {
    return this.#announcedMs * this.#fresh(nowMs);
  }

  /** Share of its time that a worker runs tails of others. */
  get busy(): number {
    return this.#others?.busy ?? 0;
  }

  /** ms until a worker is free of the tail of somebody else, in the mean of all moments. */
  residualMs(nowMs: number): number {
    return this.#others ? waitForWorker(this.#others, this.#workers) * this.#fresh(nowMs) : 0;
  }

  k(nowMs: number): Estimate {
    const ageMs = Math.max(0, nowMs - this.#kAtMs);
    const value = this.#k ** remaining(ageMs, K_FRESH_MS, K_HALF_LIFE_MS);
    return {
      value,
      ageMs,
      confident: ageMs <= K_FRESH_MS,
      uncertainty: value * Math.max(LEAST_K_DEVIATION, Math.sqrt(this.#kVariance)),
    };
  }

  kWithQueue(nowMs: number): Estimate {
    const k = this.k(nowMs);
    return this.#kWithQueue === undefined ? k : { ...k, value: this.#kWithQueue };
  }

  get gpuUtilisation(): number | null {
    return this.#gpuUtilisation;
  }

  get clients(): number {
    return this.#clients;
  }

  #observeK(k: number, atMs: number): void {
    if (Number.isFinite(this.#kAtMs)) {
      const keep = 0.5 ** (Math.max(0, atMs - this.#kAtMs) / K_DEVIATION_HALF_LIFE_MS);
      this.#kVariance = this.#kVariance * keep + Math.log(k / this.#k) ** 2 * (1 - keep);
    }
    this.#k = k;
    this.#kAtMs = atMs;
  }

  #observeQueue(queueMs: number, atMs: number): void {
    if (Number.isFinite(this.#queueAtMs)) {
      const passedMs = Math.max(0, atMs - this.#queueAtMs);
      const keep = 0.5 ** (passedMs / QUEUE_DEVIATION_HALF_LIFE_MS);
      this.#queueVariance = this.#queueVariance * keep + (queueMs - this.#expectedMs(passedMs)) ** 2 * (1 - keep);
    }
    this.#queueMs = queueMs;
    this.#queueAtMs = atMs;
  }

  /** The queue so long after its report: it goes down by what does not come anew, where that is known. */
  #expectedMs(passedMs: number): number {
    const idle = this.#others ? 1 - Math.min(1, this.#others.busy) : 0;
    return Math.max(0, this.#queueMs - idle * Math.min(passedMs, QUEUE_REPORTED_MS));
  }

  #observeService({ busy, residualMs, workers }: EdgeLoad, atMs: number): void {
    if (isPositive(workers)) this.#workers = workers;
    if (!isTime(busy) || !isTime(residualMs)) return;
    const own = this.#own.at(atMs);
    this.#others = {
      busy: Math.max(0, busy - own.busy / this.#workers),
      residualMs: Math.max(0, residualMs - own.residualMs / this.#workers),
    };
  }

  /** 1 while the last report of the queue holds, less and less after that. */
  #fresh(nowMs: number): number {
    return remaining(Math.max(0, nowMs - this.#queueAtMs), QUEUE_FRESH_MS, QUEUE_HALF_LIFE_MS);
  }
}

function isTime(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && Number.isFinite(value);
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && value > 0 && Number.isFinite(value);
}

function remaining(ageMs: number, freshMs: number, halfLifeMs: number): number {
  return ageMs <= freshMs ? 1 : 0.5 ** ((ageMs - freshMs) / halfLifeMs);
}
