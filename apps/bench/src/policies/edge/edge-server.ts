import { ArrivalRate, type EdgeLoad, LoadFactors } from '@cutpoint/partition';
import type { Admission, EdgeQueue } from './edge-queue.js';
import { ReportGate } from './report-gate.js';

/** What the edge knows of a load at one moment, for every network that it serves to us. */
export interface LoadNews {
  readonly atMs: number;
  /** By network, for those that are asked for. */
  readonly byModel: ReadonlyMap<number, EdgeLoad>;
}

export interface EdgeServerOptions {
  readonly queue: EdgeQueue;
  /** Networks that clients of ours use. */
  readonly models: readonly number[];
  /** Names of all networks of the background. */
  readonly names: readonly string[];
  /** Share of a span of time in which co-tenants keep the GPU busy; `undefined` where there is no GPU that can be read. */
  readonly tenantShare: ((fromMs: number, toMs: number) => number) | undefined;
  /** Clients of ours that see the reports. */
  readonly clients: number;
  readonly onNews: (news: LoadNews) => void;
}

/** nvidia-smi speaks once a second. */
const GPU_EVERY_MS = 1_000;

/**
 * The edge as it looks to itself: it knows what was profiled of the tails that it queues and what they took, not how
 * slow it is right now. From that it predicts q, learns k, and reports, as `apps/edge` does: on change, at most ten
 * times a second, and with each reply.
 */
export class EdgeServer {
  readonly queue: EdgeQueue;
  readonly #options: EdgeServerOptions;
  readonly #factors = new LoadFactors();
  readonly #arrivals = new ArrivalRate();
  readonly #gate = new ReportGate();
  /** Admitted and not yet done, in order; what is before `#first` is done. */
  #jobs: Admission[] = [];
  #first = 0;
  /** Index after the job that runs. */
  #started = 0;
  /** Profiled ms of what waits, by network. */
  readonly #waitingMs: Float64Array;
  #ranMs = 0;
  #gpuUtilisation = 0;
  #gpuAtMs = 0;
  #gpuRanMs = 0;
  /** Reused: a profile is looked up for every tail. */
  readonly #tail = { graph: '', tailMs: 0, timed: true };
  readonly #measured = { tailMs: 0, queueMs: 0 };
  readonly #measuredCanary = { tailMs: 0 };

  constructor(options: EdgeServerOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#waitingMs = new Float64Array(options.names.length);
  }

  /** Brings everything up to a moment: arrivals, completions, reports. */
  advance(untilMs: number): void {
    for (;;) {
      const arrivalMs = this.queue.nextAtMs();
      const changeMs = this.#nextChangeMs();
      const reportMs = this.#gate.dueAtMs;
      if (Math.min(arrivalMs, changeMs, reportMs, this.#gpuAtMs) > untilMs) return;
      if (this.#gpuAtMs <= arrivalMs && this.#gpuAtMs <= changeMs && this.#gpuAtMs <= reportMs) this.#readGpu();
      else if (changeMs <= arrivalMs && changeMs <= reportMs) this.#change(changeMs);
      else if (reportMs < arrivalMs) this.#report(reportMs);
      else if (this.queue.step()) this.#admitted(arrivalMs);
    }
  }

  /** A tail of ours arrives; everything must have been brought to that moment. */
  admit(model: number, arrivalMs: number, idleMs: number, profiledMs: number): Admission {
    this.queue.admit(model, arrivalMs, idleMs, profiledMs);
    return this.#admitted(arrivalMs);
  }

  /** What a report would say; everything must have been brought to that moment. */
  newsAt(atMs: number): LoadNews {
    const byModel = new Map<number, EdgeLoad>();
    for (const model of this.#options.models) byModel.set(model, this.loadOf(model, atMs));
    return { atMs, byModel };
  }

  loadOf(model: number, atMs: number): EdgeLoad {
    const name = this.#options.names[model] ?? '';
    return {
      queueMs: this.#queueMs(atMs),
      k: this.#factors.k(name, atMs),
      kWithQueue: this.#factors.kWithQueue(name, atMs),
      arrivalRate: this.#arrivals.rate(atMs),
      gpuUtilisation: this.#options.tenantShare === undefined ? null : this.#gpuUtilisation,
      clients: this.#options.clients,
    };
  }

  #admitted(atMs: number): Admission {
    const admission = { ...this.queue.last };
    this.#jobs.push(admission);
    this.#waitingMs[admission.model] = (this.#waitingMs[admission.model] ?? 0) + admission.profiledMs;
    this.#arrivals.observe(admission.profiledMs * this.#kOf(admission.model, atMs), atMs);
    this.#gate.touch(atMs);
    // A worker that is free takes it at once.
    if (admission.startMs <= atMs) this.#change(atMs);
    return admission;
  }

  #nextChangeMs(): number {
    const running = this.#first < this.#started ? this.#jobs[this.#first] : undefined;
    const next = this.#jobs[this.#started];
    return Math.min(
      running === undefined ? Number.POSITIVE_INFINITY : running.finishMs,
      next === undefined ? Number.POSITIVE_INFINITY : next.startMs,
    );
  }

  /** One tail is done, or starts. */
  #change(atMs: number): void {
    const running = this.#first < this.#started ? this.#jobs[this.#first] : undefined;
    if (running !== undefined && running.finishMs <= atMs) {
      this.#first++;
      this.#done(running);
    } else {
      const next = this.#jobs[this.#started];
      if (next === undefined) return;
      this.#started++;
      this.#waitingMs[next.model] = Math.max(0, (this.#waitingMs[next.model] ?? 0) - next.profiledMs);
    }
    this.#gate.touch(atMs);
    if (this.#first > 1_024) {
      this.#jobs = this.#jobs.slice(this.#first);
      this.#started -= this.#first;
      this.#first = 0;
    }
  }

  #done({ model, arrivalMs, startMs, finishMs, profiledMs, isCanary }: Admission): void {
    this.#ranMs += finishMs - startMs;
    this.#tail.tailMs = profiledMs;
    this.#measured.tailMs = finishMs - startMs;
    this.#measured.queueMs = startMs - arrivalMs;
    this.#measuredCanary.tailMs = finishMs - startMs;
    const name = this.#options.names[model] ?? '';
    this.#factors.observe(name, this.#tail, isCanary ? this.#measuredCanary : this.#measured, finishMs);
  }

  #kOf(model: number, atMs: number): number {
    return this.#factors.k(this.#options.names[model] ?? '', atMs);
  }

  /** Predicted ms until a request that arrived now would start: of profiles and k, as `apps/edge` predicts it. */
  #queueMs(atMs: number): number {
    let queueMs = 0;
    const running = this.#first < this.#started ? this.#jobs[this.#first] : undefined;
    if (running !== undefined) {
      queueMs = Math.max(0, running.profiledMs * this.#kOf(running.model, atMs) - (atMs - running.startMs));
    }
    for (let model = 0; model < this.#waitingMs.length; model++) {
      const waitingMs = this.#waitingMs[model] ?? 0;
      if (waitingMs > 1e-9) queueMs += waitingMs * this.#kOf(model, atMs);
    }
    return queueMs;
  }

  #report(atMs: number): void {
    const news = this.newsAt(atMs);
    if (this.#gate.passes(news, this.#jobs.length - this.#started)) this.#options.onNews(news);
  }

  /** Share of the last second in which the worker or a co-tenant kept the GPU busy, as if by chance of each other. */
  #readGpu(): void {
    const atMs = this.#gpuAtMs;
    const running = this.#first < this.#started ? this.#jobs[this.#first] : undefined;
    const ranMs = this.#ranMs + (running === undefined ? 0 : atMs - running.startMs);
    const { tenantShare } = this.#options;
    const tenants = tenantShare === undefined || atMs === 0 ? 0 : tenantShare(atMs - GPU_EVERY_MS, atMs);
    const worker = Math.min(1, Math.max(0, (ranMs - this.#gpuRanMs) / GPU_EVERY_MS));
    this.#gpuUtilisation = 1 - (1 - worker) * (1 - tenants);
    this.#gpuRanMs = ranMs;
    this.#gpuAtMs += GPU_EVERY_MS;
    this.#gate.touch(atMs);
  }
}
