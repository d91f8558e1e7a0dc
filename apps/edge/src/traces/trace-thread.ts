import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { FastifyBaseLogger } from 'fastify';
import type { SettledRequest } from '../connection/settled.js';
import { within } from '../server/drain.js';
import type { ThreadNews, ThreadOptions, ThreadTask, TracesOptions } from './options.js';
import { type RequestTrace, traceOf } from './request-trace.js';

/** What waits to be sent is bounded, and so is what else this thread may hold. */
const MAX_HEAP_MB = 128;
/** What is over is handed on together: to wake a thread costs a request more than all else of its trace. */
const HAND_ON_MS = 100;

export interface TraceThreadParts extends TracesOptions {
  /** Of the edge. */
  readonly version: string;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

/** Hands what became of requests to a thread that makes spans of it and sends them to a collector. No request waits for that. */
export class TraceThread {
  readonly #clock: () => number;
  readonly #log: TraceThreadParts['log'];
  /** As it may be shown. */
  readonly #address: string;
  #worker: Worker | undefined;
  #pending: RequestTrace[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isUsed = false;
  #closed: (() => void) | undefined;

  constructor({ clock, log, ...options }: TraceThreadParts) {
    this.#clock = clock;
    this.#log = log;
    const { origin, pathname } = new URL(options.url);
    this.#address = origin + pathname;
    const workerData: ThreadOptions = options;
    const file = createRequire(import.meta.url).resolve('@cutpoint/edge/trace-worker');
    const worker = new Worker(file, { workerData, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
    // A collector that does not answer keeps no process alive.
    worker.unref();
    worker.on('message', (news: ThreadNews) => this.#hear(news));
    worker.on('error', (error) => this.#log.warn({ err: error }, 'the thread of the traces failed: no more spans'));
    worker.on('exit', () => this.#gone());
    this.#worker = worker;
    log.info({ collector: this.#address }, 'spans of inferences are sent');
  }

  /** One `infer` is over. */
  settled(request: SettledRequest): void {
    if (this.#worker === undefined) return;
    this.#isUsed = true;
    this.#pending.push(traceOf(request, this.#clock()));
    this.#timer ??= setTimeout(() => this.#handOn(), HAND_ON_MS).unref();
  }

  /** Sends what is left, for so long at most. */
  async close(withinMs: number): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    if (this.#isUsed) await this.#sendLast(withinMs);
    this.#worker = undefined;
    await worker.terminate();
  }

  async #sendLast(withinMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#handOn();
    this.#tell({ close: true });
    await within(withinMs, closed);
    if (this.#closed) this.#log.warn({ collector: this.#address }, 'the last spans could not be sent in time');
  }

  #handOn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tell({ traces: this.#pending });
    this.#pending = [];
  }

  #tell(task: ThreadTask): void {
    this.#worker?.postMessage(task);
  }

  #hear(news: ThreadNews): void {
    const collector = this.#address;
    switch (news.type) {
      case 'refused':
        this.#log.warn({ collector, reason: news.reason }, 'spans are lost: the collector does not take them');
        break;
      case 'taken-again':
        this.#log.info({ collector }, 'the collector takes spans again');
        break;
      case 'complaint':
        this.#log.warn(`OpenTelemetry says: ${news.text}`);
        break;
      case 'closed':
        if (news.lostSpans > 0) this.#log.info({ collector, lostSpans: news.lostSpans }, 'not all spans arrived');
        this.#gone();
        break;
    }
  }

  #gone(): void {
    this.#worker = undefined;
    this.#pending = [];
    this.#closed?.();
    this.#closed = undefined;
  }
}
