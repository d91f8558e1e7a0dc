import { type EdgeLoad, LoadFactors, ServiceLoad } from '@cutpoint/partition';
import type { EdgeQueue, Place, Tail } from './edge-queue.js';
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
  /** A tail of ours began, so it is known when it is done. */
  readonly onStart: (tail: Tail) => void;
}

type Arrived = Pick<Tail, 'model' | 'profiledMs'> & { readonly isCanary?: boolean };

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
  readonly #service = new ServiceLoad();
  readonly #gate = new ReportGate();
  #running: Tail | undefined;
  /** Requests that wait. */
  #depth = 0;
  /** Profiled ms of what waits and of what is announced and not here yet, by network. */
  readonly #waitingMs: Float64Array;
  readonly #announcedMs: Float64Array;
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
    this.#announcedMs = new Float64Array(options.names.length);
  }

  /** When something happens here next: an arrival, a start, an end, a report. */
  get nextAtMs(): number {
    return Math.min(this.queue.nextAtMs(), this.#doneAtMs, this.#gate.dueAtMs, this.#gpuAtMs);
  }

  /** Brings everything up to a moment. */
  advance(untilMs: number): void {
    for (let nextMs = this.nextAtMs; nextMs <= untilMs; nextMs = this.nextAtMs) this.#happen(nextMs);
  }

  /** A client of ours announces a request; everything must have been brought to that moment. */
  reserve(request: Omit<Place, 'arrivalMs'>): Place {
    this.#add(this.#announcedMs, request.model, request.profiledMs);
    this.#gate.touch(request.announcedMs);
    return this.queue.reserve(request);
  }

  /** Its payload is whole; everything must have been brought to that moment. */
  submit(place: Place, atMs: number): void {
    this.queue.submit(place, atMs);
    this.#add(this.#announcedMs, place.model, -place.profiledMs);
    this.#arrived(place, atMs);
    // A worker that is free takes it at once.
    this.advance(atMs);
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
      announcedMs: this.#predictMs(this.#announcedMs, atMs),
      k: this.#factors.k(name, atMs),
      kWithQueue: this.#factors.kWithQueue(name, atMs),
      ...this.#service.at(atMs),
      workers: 1,
      gpuUtilisation: this.#options.tenantShare === undefined ? null : this.#gpuUtilisation,
      clients: this.#options.clients,
    };
  }

  get #doneAtMs(): number {
    return this.#running?.finishMs ?? Number.POSITIVE_INFINITY;
  }

  /** What ends comes before what begins, and reports come last. */
  #happen(atMs: number): void {
    if (this.#gpuAtMs <= atMs) this.#readGpu();
    else if (this.#running !== undefined && this.#running.finishMs <= atMs) this.#done(this.#running);
    else if (this.queue.nextAtMs() <= atMs) this.#stepQueue(atMs);
    else this.#report(atMs);
  }

  #stepQueue(atMs: number): void {
    const { last } = this.queue;
    switch (this.queue.step()) {
      case 'arrived':
        this.#arrived(last, atMs);
        return;
      case 'started':
        this.#started({ ...last });
        return;
      case 'phase':
    }
  }

  #arrived({ model, profiledMs, isCanary = false }: Arrived, atMs: number): void {
    if (!isCanary) this.#depth++;
    this.#add(this.#waitingMs, model, profiledMs);
    this.#gate.touch(atMs);
  }

  #started(tail: Tail): void {
    if (!tail.isCanary) this.#depth--;
    this.#add(this.#waitingMs, tail.model, -tail.profiledMs);
    this.#running = tail;
    this.#gate.touch(tail.startMs);
    if (tail.place !== undefined) this.#options.onStart(tail);
  }

  #done({ model, arrivalMs, startMs, finishMs, profiledMs, isCanary }: Tail): void {
    this.#running = undefined;
    this.#ranMs += finishMs - startMs;
    this.#tail.tailMs = profiledMs;
    this.#measured.tailMs = finishMs - startMs;
    this.#measured.queueMs = startMs - arrivalMs;
    this.#measuredCanary.tailMs = finishMs - startMs;
    const name = this.#options.names[model] ?? '';
    this.#factors.observe(name, this.#tail, isCanary ? this.#measuredCanary : this.#measured, finishMs);
    if (!isCanary) this.#service.observe(finishMs - startMs, finishMs);
    this.#gate.touch(finishMs);
  }

  #add(sums: Float64Array, model: number, profiledMs: number): void {
    sums[model] = Math.max(0, (sums[model] ?? 0) + profiledMs);
  }

  #kOf(model: number, atMs: number): number {
    return this.#factors.k(this.#options.names[model] ?? '', atMs);
  }

  /** Predicted ms until a request that arrived now would start: of profiles and k, as `apps/edge` predicts it. */
  #queueMs(atMs: number): number {
    const running = this.#running;
    const runningMs = running === undefined ? 0 : running.profiledMs * this.#kOf(running.model, atMs);
    const leftMs = running === undefined ? 0 : Math.max(0, runningMs - (atMs - running.startMs));
    return leftMs + this.#predictMs(this.#waitingMs, atMs);
  }

  #predictMs(sums: Float64Array, atMs: number): number {
    let sumMs = 0;
    for (let model = 0; model < sums.length; model++) {
      const profiledMs = sums[model] ?? 0;
      if (profiledMs > 1e-9) sumMs += profiledMs * this.#kOf(model, atMs);
    }
    return sumMs;
  }

  #report(atMs: number): void {
    const news = this.newsAt(atMs);
    if (this.#gate.passes(news, this.#depth)) this.#options.onNews(news);
  }

  /** Share of the last second in which the worker or a co-tenant kept the GPU busy, as if by chance of each other. */
  #readGpu(): void {
    const atMs = this.#gpuAtMs;
    const ranMs = this.#ranMs + (this.#running === undefined ? 0 : atMs - this.#running.startMs);
    const { tenantShare } = this.#options;
    const tenants = tenantShare === undefined || atMs === 0 ? 0 : tenantShare(atMs - GPU_EVERY_MS, atMs);
    const worker = Math.min(1, Math.max(0, (ranMs - this.#gpuRanMs) / GPU_EVERY_MS));
    this.#gpuUtilisation = 1 - (1 - worker) * (1 - tenants);
    this.#gpuRanMs = ranMs;
    this.#gpuAtMs += GPU_EVERY_MS;
    this.#gate.touch(atMs);
  }
}
