import { Counter, Histogram, type Registry } from 'prom-client';
import type { SettledRequest } from '../connection/settled.js';

const MS_PER_S = 1000;
/** From a small tail on a fast machine to the longest that a request may take. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Raw tensors take next to nothing, a large picture tens of ms. */
const DECODE_BUCKETS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
/** As far as runs can be shared. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64];
/** Of requests that name a model which this edge does not have: whatever clients make up is no label. */
const NO_MODEL = 'unknown';

type Outcome = 'answered' | 'refused' | 'cancelled' | 'failed';

/** What the inferences of one edge came to. */
export class RequestMetrics {
  readonly #requests: Counter<'model' | 'outcome' | 'code'>;
  readonly #receivedBytes: Counter<'model'>;
  readonly #sentBytes: Counter<'model'>;
  readonly #uploadS: Histogram<'model'>;
  readonly #queueS: Histogram<'model'>;
  readonly #decodeS: Histogram<'model'>;
  readonly #tailS: Histogram<'model'>;
  readonly #totalS: Histogram<'model'>;
  readonly #batchSize: Histogram<'model'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames: ['model'], registers });
    const histogram = (name: string, help: string, buckets = DURATION_BUCKETS_S) =>
      new Histogram({ name, help, labelNames: ['model'], buckets, registers });
    this.#requests = new Counter({
      name: 'cutpoint_requests_total',
      help: 'Inferences that are over, by model, by outcome (answered, refused, cancelled, failed) and by code (ok, or the error code of the protocol).',
      labelNames: ['model', 'outcome', 'code'],
      registers,
    });
    this.#receivedBytes = counter(
      'cutpoint_received_bytes_total',
      'Bytes of tensors and pictures that inferences brought.',
    );
    this.#sentBytes = counter('cutpoint_sent_bytes_total', 'Bytes of tensors that were sent back.');
    this.#uploadS = histogram(
      'cutpoint_upload_duration_seconds',
      'From the announcement of an answered inference until its payload was whole.',
    );
    this.#queueS = histogram(
      'cutpoint_queue_wait_seconds',
      'From then until its tail was open on a worker: the wait for a worker, opening the tail where it was not, and what a shared run took longer for the others in it.',
    );
    this.#decodeS = histogram('cutpoint_decode_duration_seconds', 'Decoding its payload.', DECODE_BUCKETS_S);
    this.#tailS = histogram(
      'cutpoint_tail_duration_seconds',
      'Running its tail; of one that shared a run what it would have taken alone, by what was found of such runs.',
    );
    this.#totalS = histogram(
      'cutpoint_request_duration_seconds',
      'From the announcement of an inference until the system had taken the last byte of its answer; absent where its client was gone by then.',
    );
    this.#batchSize = histogram(
      'cutpoint_batch_requests',
      'Inferences whose tails a worker ran at once, for each of its runs.',
      BATCH_BUCKETS,
    );
  }

  /** A worker ran the tails of so many at once. */
  ran(model: string, size: number): void {
    this.#batchSize.observe({ model }, size);
  }

  /** The system has taken the whole answer. */
  written(model: string, tookMs: number): void {
    this.#totalS.observe({ model }, tookMs / MS_PER_S);
  }

  /** @param settled its model is one that this edge serves */
  observe({ model = NO_MODEL, code, receivedBytes, sentBytes, timings }: SettledRequest): void {
    const labels = { model };
    this.#requests.inc({ model, outcome: outcomeOf(code), code });
    if (receivedBytes > 0) this.#receivedBytes.inc(labels, receivedBytes);
    if (timings === undefined) return;
    this.#sentBytes.inc(labels, sentBytes);
    const { uploadMs, queueMs, decodeMs, tailMs } = timings;
    this.#uploadS.observe(labels, uploadMs / MS_PER_S);
    this.#queueS.observe(labels, queueMs / MS_PER_S);
    this.#decodeS.observe(labels, decodeMs / MS_PER_S);
    this.#tailS.observe(labels, tailMs / MS_PER_S);
  }
}

function outcomeOf(code: SettledRequest['code']): Outcome {
  switch (code) {
    case 'ok':
      return 'answered';
    case 'cancelled':
      return 'cancelled';
    case 'tail_failed':
    case 'internal_error':
      return 'failed';
    default:
      return 'refused';
  }
}
