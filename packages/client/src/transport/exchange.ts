import {
  type Chunk,
  checkTensorHeaders,
  chunksOf,
  type EdgeMessage,
  type ProbedMessage,
  ProtocolError,
  type ResultMessage,
} from '@cutpoint/protocol';
import type { Clock } from '../clock.js';
import { CutpointError } from '../errors.js';
import { IdleTimes } from './idle-times.js';
import { type ProbeReply, Prober } from './prober.js';
import { PendingRequest, type TailReply, type TailRequest } from './requests.js';
import { type Reservation, Reservations, type ReservedTail } from './reservations.js';

/** A request without a deadline of its own is given up after this: nobody waits for a picture that long. */
const LONGEST_REPLY_MS = 120_000;

/** What an exchange needs of the socket under it. */
export interface FrameSink {
  sendText(text: string): void;
  sendBytes(frame: Uint8Array<ArrayBuffer>, owner: number): void;
  /** Takes back the frames of a request that have not left yet. */
  withdraw(owner: number): void;
}

export interface ExchangeLimits {
  readonly maxInFlight: number;
  readonly maxRequestBytes: number;
  /** Absent when the edge knows no probes. */
  readonly maxProbeBytes?: number | undefined;
}

/**
 * Requests and replies over one open socket: matched by id, at most `maxInFlight` unanswered, the others held here in
 * the order in which they came. It ends with its socket, and fails what it still had.
 */
export class Exchange {
  readonly #sink: FrameSink;
  readonly #clock: Clock;
  readonly #limits: ExchangeLimits;
  readonly #prober: Prober;
  readonly #reservations: Reservations;
  readonly #idleTimes = new IdleTimes();
  readonly #inFlight = new Map<number, PendingRequest>();
  #held: PendingRequest[] = [];
  /** Requests given up here whose reply may still come. */
  readonly #abandoned = new Map<number, number>();
  #nextId = 1;
  #ended: CutpointError | undefined;

  constructor(sink: FrameSink, clock: Clock, limits: ExchangeLimits) {
    this.#sink = sink;
    this.#clock = clock;
    this.#limits = limits;
    this.#prober = new Prober(sink, clock, limits.maxProbeBytes ?? 0);
    this.#reservations = new Reservations(sink);
  }

  /** Nothing is unanswered, and nothing is announced: what the edge says of its queue is all of others. */
  get isIdle(): boolean {
    return this.isQuiet && this.#reservations.size === 0;
  }

  /** No transfer is on its way, so a small frame measures the link alone. A head may be at work for what is reserved. */
  get isQuiet(): boolean {
    return this.#inFlight.size === 0 && this.#held.length === 0 && this.#prober.isIdle;
  }

  /** Sends so many bytes for nothing but to see when they arrive. */
  probe(numBytes: number, signal?: AbortSignal): Promise<ProbeReply> {
    if (this.#ended) return Promise.reject(this.#ended);
    return this.#prober.probe(this.#takeId(), numBytes, this.#inFlight.size === 0, signal);
  }

  /**
   * Holds a place for a request to come. `undefined` when there is no room for it: what waits here for its turn would
   * only announce to the edge what it cannot have yet.
   */
  reserve(tail: ReservedTail): Reservation | undefined {
    const open = this.#inFlight.size + this.#reservations.size;
    if (this.#ended || this.#held.length > 0 || open >= this.#limits.maxInFlight) return undefined;
    return this.#reservations.hold(this.#takeId(), tail);
  }

  request(request: TailRequest): Promise<TailReply> {
    if (request.numBytes > this.#limits.maxRequestBytes) {
      return Promise.reject(
        new CutpointError(
          'edge_error',
          `Cut ${request.cut} sends ${request.numBytes} bytes; the edge takes ${this.#limits.maxRequestBytes} at most.`,
          { edgeCode: 'too_large' },
        ),
      );
    }
    if (this.#ended) return Promise.reject(this.#ended);
    if (request.signal?.aborted) return Promise.reject(CutpointError.aborted(request.signal));
    return new Promise((resolve, reject) => {
      const { signal, reservation } = request;
      const own = reservation && this.#isFree(reservation) ? reservation : undefined;
      const id = own?.id ?? this.#takeId();
      const pending = new PendingRequest(id, request, this.#clock.now(), resolve, reject);
      const onAbort = () => this.#abandon(pending, CutpointError.aborted(signal));
      signal?.addEventListener('abort', onAbort, { once: true });
      const limitMs = request.deadlineMs ?? LONGEST_REPLY_MS;
      const cancelDeadline = this.#clock.after(limitMs, () =>
        this.#abandon(pending, new CutpointError('deadline_exceeded', `No reply within ${Math.round(limitMs)} ms.`)),
      );
      pending.release = () => {
        signal?.removeEventListener('abort', onAbort);
        cancelDeadline();
        // Of a request that settles unsent; of any other the id is in use no more.
        own?.release();
      };
      this.#hold(pending);
      this.#sendHeld();
    });
  }

  /** A message that answers a request. */
  onMessage(message: ResultMessage | ProbedMessage | (EdgeMessage & { type: 'error' })): void {
    const { id } = message;
    if (id === null) return;
    if (message.type === 'probed' || (message.type === 'error' && this.#prober.has(id))) {
      this.#prober.onMessage(message);
      return;
    }
    const pending = this.#inFlight.get(id);
    if (!pending) {
      // A result for something given up: its chunks follow and are counted down.
      if (message.type === 'result' && this.#abandoned.has(id) && message.numBytes > 0) {
        this.#abandoned.set(id, message.numBytes);
      } else {
        this.#abandoned.delete(id);
      }
      return;
    }
    const nowMs = this.#clock.now();
    this.#idleTimes.upEnded(nowMs - (message.type === 'result' ? message.timings.totalMs : 0));
    if (message.type === 'error') {
      this.#settle(pending);
      pending.fail(CutpointError.fromEdge(message.code, message.message));
      return;
    }
    const wrong = checkTensorHeaders(message.tensors, message.numBytes) ?? checkRaw(message.tensors);
    if (wrong) {
      this.#settle(pending);
      pending.fail(new CutpointError('edge_error', `The edge sent a wrong reply: ${wrong.message}`, { cause: wrong }));
      return;
    }
    const isReceiving = [...this.#inFlight.values()].some(({ assembler }) => assembler !== undefined);
    pending.begin(message, nowMs, isReceiving ? 0 : this.#idleTimes.down(nowMs));
    if (message.numBytes === 0) this.#finish(pending);
  }

  /** @returns what is wrong with the chunk, when the connection cannot go on. */
  onChunk(chunk: Chunk): Error | undefined {
    const pending = this.#inFlight.get(chunk.id);
    if (!pending) return this.#dropChunk(chunk);
    if (!pending.assembler) return new Error(`bytes of reply ${chunk.id} came before the reply`);
    const wrong = pending.assembler.accept(chunk, this.#clock.now());
    if (wrong) return wrong;
    if (pending.assembler.complete) this.#finish(pending);
    return undefined;
  }

  /** The socket is gone: everything unanswered fails with `error`. */
  end(error: CutpointError): void {
    this.#ended = error;
    const all = [...this.#inFlight.values(), ...this.#held];
    this.#inFlight.clear();
    this.#held = [];
    this.#reservations.clear();
    for (const pending of all) pending.fail(error);
    this.#prober.end(error);
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    return id;
  }

  /** Whether it is held over this socket, and no request took it over. */
  #isFree(reservation: Reservation): boolean {
    return this.#reservations.holds(reservation) && !this.#held.some(({ id }) => id === reservation.id);
  }

  /** In the order in which they came, those first whose place is held at the edge already. */
  #hold(pending: PendingRequest): void {
    const behind = this.#reservations.has(pending.id)
      ? this.#held.findIndex(({ id }) => !this.#reservations.has(id))
      : -1;
    this.#held.splice(behind < 0 ? this.#held.length : behind, 0, pending);
  }

  #sendHeld(): void {
    while (this.#inFlight.size < this.#limits.maxInFlight) {
      const pending = this.#held.shift();
      if (!pending) return;
      this.#send(pending);
    }
  }

  #send(pending: PendingRequest): void {
    const { request, id } = pending;
    const nowMs = this.#clock.now();
    for (const other of this.#inFlight.values()) other.joined();
    // When others are under way it is not known whether their uploads are over.
    const upIdleMs = this.#inFlight.size === 0 ? this.#idleTimes.up(nowMs) : undefined;
    pending.sent(nowMs, this.#inFlight.size === 0 && this.#prober.isIdle, upIdleMs);
    this.#prober.joined();
    this.#inFlight.set(id, pending);
    this.#reservations.used(id);
    const remainingMs =
      request.deadlineMs === undefined ? undefined : Math.max(1, request.deadlineMs - (nowMs - pending.madeAtMs));
    this.#sink.sendText(
      JSON.stringify({
        type: 'infer',
        id,
        model: request.model,
        table: request.table,
        cut: request.cut,
        tensors: request.tensors,
        numBytes: request.numBytes,
        // Neither of them is in the message where it is undefined.
        deadlineMs: remainingMs,
        traceparent: request.traceparent,
      }),
    );
    for (const frame of chunksOf(id, request.parts)) this.#sink.sendBytes(frame, id);
  }

  #settle(pending: PendingRequest): void {
    this.#inFlight.delete(pending.id);
    this.#held = this.#held.filter((held) => held !== pending);
    this.#sendHeld();
  }

  #finish(pending: PendingRequest): void {
    const nowMs = this.#clock.now();
    this.#idleTimes.downEnded(nowMs);
    this.#settle(pending);
    pending.finish(nowMs);
  }

  #abandon(pending: PendingRequest, error: CutpointError): void {
    if (this.#inFlight.has(pending.id)) {
      this.#abandoned.set(pending.id, pending.assembler ? missingBytes(pending) : 0);
      this.#idleTimes.upEnded(this.#clock.now());
      this.#sink.withdraw(pending.id);
      this.#sink.sendText(JSON.stringify({ type: 'cancel', id: pending.id }));
    }
    this.#settle(pending);
    pending.fail(error);
  }

  #dropChunk(chunk: Chunk): Error | undefined {
    const left = this.#abandoned.get(chunk.id);
    if (left === undefined) return new Error(`bytes of reply ${chunk.id}, which nobody waits for`);
    if (left <= chunk.bytes.byteLength) this.#abandoned.delete(chunk.id);
    else this.#abandoned.set(chunk.id, left - chunk.bytes.byteLength);
    return undefined;
  }
}

/** Results are not encoded: nothing here would decode them. */
function checkRaw(tensors: ResultMessage['tensors']): ProtocolError | undefined {
  const encoded = tensors.find(({ codec, deflated }) => codec !== 'raw' || deflated);
  return encoded && new ProtocolError('bad_tensors', `output "${encoded.name}" came as ${encoded.codec}, not raw`);
}

function missingBytes(pending: PendingRequest): number {
  const { assembler } = pending;
  return assembler ? assembler.numBytes - assembler.receivedBytes : 0;
}
