import { Counter, Registry } from 'prom-client';
import type { SettledRequest } from '../connection/settled.js';
import { processMetrics } from './process-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { type EdgeState, StateMetrics } from './state-metrics.js';

/** What Prometheus is told of one edge. No label comes from a client. */
export class EdgeMetrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestMetrics(this.#registry);
  readonly #state = new StateMetrics(this.#registry);
  readonly #responses = new Counter({
    name: 'cutpoint_http_responses_total',
    help: 'Answers over HTTP by status code, those to inferences, downloads and refused upgrades included.',
    labelNames: ['code'],
    registers: [this.#registry],
  });
  /** From the start, not from the first scrape. */
  readonly #process = processMetrics();
  readonly #readState: () => EdgeState;

  constructor(readState: () => EdgeState) {
    this.#readState = readState;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  settled(request: SettledRequest): void {
    this.#requests.observe(request);
  }

  /** A worker ran the tails of so many inferences at once. */
  ran(model: string, size: number): void {
    this.#requests.ran(model, size);
  }

  /** The system has taken the whole answer to an inference. */
  written(model: string, tookMs: number): void {
    this.#requests.written(model, tookMs);
  }

  responded(status: number): void {
    this.#responses.inc({ code: status });
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    this.#state.set(this.#readState());
    const [own, ofProcess] = await Promise.all([this.#registry.metrics(), this.#process.metrics()]);
    return own + ofProcess;
  }
}
