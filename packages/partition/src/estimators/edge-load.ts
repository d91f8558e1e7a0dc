import type { Estimate } from '../conditions.js';

/** What a load report of the edge says of one model. */
export interface EdgeLoad {
  /** ms that a request arriving now would wait before its tail starts; left out when this client's own work is in it. */
  readonly queueMs?: number;
  /** Load factor of this model; left out when the edge has none yet. */
  readonly k?: number;
  /** ms of work admitted per ms and worker, in the mean of the last second; left out when the edge does not say. */
  readonly arrivalRate?: number;
  /** (Waiting + run) ÷ profiled time of recent tails of this model. */
  readonly kWithQueue?: number;
  /** 0..1, or `null` where there is no GPU that can be read. */
  readonly gpuUtilisation?: number | null;
  /** Clients that see this edge's load and may act on it, this one included. */
  readonly clients?: number;
}

/**
 * The edge pushes on change, so a report holds for a while; a queue is a thing of seconds, a load of tens. A canary of
 * the edge keeps k fresh, so silence for longer means that nobody says anything any more.
 */
const QUEUE_FRESH_MS = 1_000;
const QUEUE_HALF_LIFE_MS = 1_000;
const K_FRESH_MS = 5_000;
const K_HALF_LIFE_MS = 5_000;
/**
 * However long the queue was before, so long it can be at the most in the mean when work arrives at rate ρ: ρ/(1 - ρ)
 * times the mean work that one finds in service (an M/G/1 queue: Pollaczek and Khinchine). That is taken to be a whole
 * network of this client's own, or at least this.
 */
const LEAST_IN_SERVICE_MS = 50;
/** Over this time the usual queue forgets half of what it was. */
const USUAL_HALF_LIFE_MS = 2_000;
/** Of k, in the logarithm: at least, and over this time what it moved by is half forgotten. */
const LEAST_K_DEVIATION = 0.05;
const K_DEVIATION_HALF_LIFE_MS = 2_000;

/** Queue delay q and load factor k, as last reported; both relax to those of an idle edge as the report ages. */
export class EdgeLoadTracker {
  #queueMs = 0;
  #queueAtMs = Number.NEGATIVE_INFINITY;
  #usualQueueMs = 0;
  #queueDeviationMs = 0;
  #arrivalRate: number | undefined;
  #k = 1;
  #kAtMs = Number.NEGATIVE_INFINITY;
  #kWithQueue: number | undefined;
  #gpuUtilisation: number | null = null;
  #clients = 1;
  /** Mean square of how far k moved from one report to the next, in the logarithm. */
  #kVariance = 0;

  observe(load: EdgeLoad, atMs: number): void {
    const { queueMs } = load;
    if (queueMs !== undefined && queueMs >= 0 && Number.isFinite(queueMs)) this.#observeQueue(queueMs, atMs);
    if (isPositive(load.k)) this.#observeK(load.k, atMs);
    if (isPositive(load.kWithQueue)) this.#kWithQueue = load.kWithQueue;
    const { arrivalRate, gpuUtilisation, clients } = load;
    if (arrivalRate !== undefined && arrivalRate >= 0) this.#arrivalRate = Math.min(1, arrivalRate);
    if (gpuUtilisation !== undefined) this.#gpuUtilisation = gpuUtilisation;
    if (isPositive(clients)) this.#clients = clients;
  }

  queue(nowMs: number): Estimate {
    const ageMs = Math.max(0, nowMs - this.#queueAtMs);
    return {
      value: this.#queueMs * remaining(ageMs, QUEUE_FRESH_MS, QUEUE_HALF_LIFE_MS),
      ageMs,
      confident: ageMs <= QUEUE_FRESH_MS,
      uncertainty: Math.sqrt(this.#queueDeviationMs),
    };
  }

  /**
   * Queue delay in the mean of the last seconds.
   * @param wholeTailMs profiled time of a whole network at the edge
   */
  usualQueueMs(nowMs: number, wholeTailMs = 0): number {
    const ageMs = Math.max(0, nowMs - this.#queueAtMs);
    if (!Number.isFinite(ageMs)) return 0;
    const keep = 0.5 ** (ageMs / USUAL_HALF_LIFE_MS);
    // Nothing was pushed, so nothing changed: the last report held until now, as long as it is believed at all.
    const usualMs = this.#usualQueueMs * keep + this.queue(nowMs).value * (1 - keep);
    const rate = this.#arrivalRate;
    return rate === undefined || rate >= 1
      ? usualMs
      : Math.min(usualMs, (Math.max(LEAST_IN_SERVICE_MS, wholeTailMs * this.k(nowMs).value) * rate) / (1 - rate));
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

  get arrivalRate(): number {
    return this.#arrivalRate ?? 0;
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
      const keep = 0.5 ** (passedMs / USUAL_HALF_LIFE_MS);
      const expectedMs = Math.max(0, this.#queueMs - (1 - this.arrivalRate) * passedMs);
      this.#usualQueueMs = this.usualQueueMs(atMs);
      this.#queueDeviationMs = this.#queueDeviationMs * keep + (queueMs - expectedMs) ** 2 * (1 - keep);
    } else {
      this.#usualQueueMs = queueMs;
    }
    this.#queueMs = queueMs;
    this.#queueAtMs = atMs;
  }
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && value > 0 && Number.isFinite(value);
}

function remaining(ageMs: number, freshMs: number, halfLifeMs: number): number {
  return ageMs <= freshMs ? 1 : 0.5 ** ((ageMs - freshMs) / halfLifeMs);
}
