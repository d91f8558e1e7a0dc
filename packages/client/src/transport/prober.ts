import { type Arrivals, chunksOf, type EdgeMessage, type ProbedMessage } from '@cutpoint/protocol';
import type { Clock } from '../clock.js';
import { CutpointError } from '../errors.js';
import type { FrameSink } from './exchange.js';

/** What a probe that takes longer would show is known by then. */
const LONGEST_PROBE_MS = 10_000;

/** How a probe of the uplink went. */
export interface ProbeReply {
  /** As the edge's clock saw it. */
  readonly arrivals: Arrivals;
  /** The way there and back without what the upload took; `undefined` when requests were on the connection as well. */
  readonly roundTripMs: number | undefined;
}

interface PendingProbe {
  readonly sentAtMs: number;
  wasAlone: boolean;
  resolve(reply: ProbeReply): void;
  reject(error: CutpointError): void;
  release(): void;
}

/** Probes of the uplink over one open socket, between the requests. */
export class Prober {
  readonly #sink: FrameSink;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #pending = new Map<number, PendingProbe>();

  /** @param maxBytes that the edge takes; 0 when it knows no probes */
  constructor(sink: FrameSink, clock: Clock, maxBytes: number) {
    this.#sink = sink;
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /**
   * Rejects with `edge_error` when the edge would not take it or refuses it, and with `deadline_exceeded` or `aborted`.
   * @param wasAlone no request is on the connection.
   */
  probe(id: number, numBytes: number, wasAlone: boolean, signal?: AbortSignal): Promise<ProbeReply> {
    if (numBytes > this.#maxBytes) {
      const message = `A probe of ${numBytes} bytes; the edge takes ${this.#maxBytes} at most.`;
      return Promise.reject(new CutpointError('edge_error', message, { edgeCode: 'too_large' }));
    }
    if (signal?.aborted) return Promise.reject(CutpointError.aborted(signal));
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abandon(id, CutpointError.aborted(signal));
      const cancelTimer = this.#clock.after(LONGEST_PROBE_MS, () =>
        this.#abandon(id, new CutpointError('deadline_exceeded', `No answer to a probe in ${LONGEST_PROBE_MS} ms.`)),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      const release = () => {
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
      };
      this.#pending.set(id, { sentAtMs: this.#clock.now(), wasAlone, resolve, reject, release });
      this.#sink.sendText(JSON.stringify({ type: 'probe', id, numBytes }));
      for (const frame of chunksOf(id, [new Uint8Array(numBytes)])) this.#sink.sendBytes(frame, id);
    });
  }

  /** A request went out while probes were on their way. */
  joined(): void {
    for (const pending of this.#pending.values()) pending.wasAlone = false;
  }

  onMessage(message: ProbedMessage | (EdgeMessage & { type: 'error' })): void {
    const pending = message.id === null ? undefined : this.#take(message.id);
    if (!pending) return;
    if (message.type === 'error') {
      pending.reject(CutpointError.fromEdge(message.code, message.message));
      return;
    }
    const tookMs = this.#clock.now() - pending.sentAtMs;
    const roundTripMs = pending.wasAlone ? Math.max(0, tookMs - message.uploadMs) : undefined;
    pending.resolve({ arrivals: message.arrivals, roundTripMs });
  }

  end(error: CutpointError): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #abandon(id: number, error: CutpointError): void {
    this.#sink.withdraw(id);
    this.#sink.sendText(JSON.stringify({ type: 'cancel', id }));
    this.#take(id)?.reject(error);
  }

  #take(id: number): PendingProbe | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }
}
