import type { Arrivals, EdgeTimings, LoadReport, TensorBytes, TensorHeader } from '@cutpoint/protocol';
import { PayloadAssembler, splitPayload } from '@cutpoint/protocol';
import type { CutpointError } from '../errors.js';
import type { Reservation, ReservedTail } from './reservations.js';

/** One tail to run at the edge. */
export interface TailRequest extends ReservedTail {
  /** Held for this tail; one of a connection that is gone is as good as none. */
  readonly reservation?: Reservation | undefined;
  readonly tensors: readonly TensorHeader[];
  /** The tensors' bytes, in order; they must not change until the request has settled. */
  readonly parts: readonly Uint8Array[];
  readonly numBytes: number;
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal;
  /** The app's span. */
  readonly traceparent?: string | undefined;
}

/** What came back, with how the two transfers went. */
export interface TailReply {
  readonly tensors: TensorBytes[];
  readonly numBytes: number;
  readonly timings: EdgeTimings;
  /** The upload, as the edge's clock saw it. */
  readonly arrivals: Arrivals;
  /** ms that nothing was uploaded before, as far as this end can tell; infinite for the first upload of a connection. */
  readonly upIdleMs: number | undefined;
  /** The download, as this clock saw it. */
  readonly downArrivals: Arrivals;
  /** The same of the other direction. */
  readonly downIdleMs: number;
  readonly load: LoadReport;
  /** The edge has a newer version of the model. */
  readonly isStale: boolean;
  /** ms that the request waited here for its turn, in the limits of the connection. */
  readonly heldMs: number;
  /** Nothing else was on the connection meanwhile, as far as this end knows. */
  readonly wasAlone: boolean;
  /** From the first byte handed to the socket to the last byte of the reply. */
  readonly roundMs: number;
  /** From the `result` message to its last chunk. */
  readonly downloadMs: number;
}

/** A request from the moment it is made to the moment it settles. */
export class PendingRequest {
  readonly id: number;
  readonly request: TailRequest;
  readonly madeAtMs: number;
  readonly #resolve: (reply: TailReply) => void;
  readonly #reject: (error: CutpointError) => void;
  #sentAtMs = 0;
  #resultAtMs = 0;
  #upIdleMs: number | undefined;
  #downIdleMs = 0;
  #wasAlone = false;
  #result: ResultHead | undefined;
  #assembler: PayloadAssembler | undefined;
  /** Called once when it settles, whichever way. */
  release: (() => void) | undefined;

  constructor(
    id: number,
    request: TailRequest,
    nowMs: number,
    resolve: (reply: TailReply) => void,
    reject: (error: CutpointError) => void,
  ) {
    this.id = id;
    this.request = request;
    this.madeAtMs = nowMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  sent(nowMs: number, isAlone: boolean, upIdleMs: number | undefined): void {
    this.#sentAtMs = nowMs;
    this.#upIdleMs = upIdleMs;
    this.#wasAlone = isAlone;
  }

  /** Another request went out while this one was on its way. */
  joined(): void {
    this.#wasAlone = false;
  }

  get assembler(): PayloadAssembler | undefined {
    return this.#assembler;
  }

  begin(result: ResultHead, nowMs: number, downIdleMs: number): void {
    this.#result = result;
    this.#downIdleMs = downIdleMs;
    this.#resultAtMs = nowMs;
    this.#assembler = new PayloadAssembler(result.numBytes);
  }

  finish(nowMs: number): void {
    const result = this.#result;
    const assembler = this.#assembler;
    if (!result || !assembler) return;
    this.release?.();
    this.#resolve({
      // They travel raw.
      tensors: splitPayload(result.tensors, assembler.payload),
      numBytes: result.numBytes,
      timings: result.timings,
      arrivals: result.arrivals,
      upIdleMs: this.#upIdleMs,
      downArrivals: assembler.arrivals,
      downIdleMs: this.#downIdleMs,
      load: result.load,
      isStale: result.stale === true,
      heldMs: this.#sentAtMs - this.madeAtMs,
      wasAlone: this.#wasAlone,
      roundMs: nowMs - this.#sentAtMs,
      downloadMs: nowMs - this.#resultAtMs,
    });
  }

  fail(error: CutpointError): void {
    this.release?.();
    this.#reject(error);
  }
}

interface ResultHead {
  readonly tensors: readonly TensorHeader[];
  readonly numBytes: number;
  readonly timings: EdgeTimings;
  readonly arrivals: Arrivals;
  readonly stale?: boolean | undefined;
  readonly load: LoadReport;
}
