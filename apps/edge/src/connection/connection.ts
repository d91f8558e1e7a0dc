import {
  type ClientMessage,
  chunksOf,
  closeCodeOf,
  decodeChunk,
  type EdgeMessage,
  type InferMessage,
  MAX_FRAME_BYTES,
  MAX_PROBE_BYTES,
  type ProbeMessage,
  ProtocolError,
  parseClientMessage,
  type ReserveMessage,
  TENSOR_CODECS,
} from '@cutpoint/protocol';
import type { TailOutcome } from '../dispatcher/dispatcher.js';
import type { Owners } from '../scheduler/shared-use.js';
import { admit, stopping } from './admission.js';
import { errorMessage, resultMessage } from './answers.js';
import type { Client } from './clients.js';
import type { ConnectionContext } from './context.js';
import { IgnoredPayloads } from './ignored-payloads.js';
import { Interest } from './interest.js';
import type { Outbox } from './outbox.js';
import { Probing } from './probing.js';
import { courseOf, Request } from './request.js';
import { Reservations } from './reservations.js';
import type { SettledRequest } from './settled.js';
import { tailJob } from './tail-job.js';
import { timingsOf } from './timings.js';

/**
 * One client on one socket. Every `infer` gets exactly one `result` or `error`; whatever is wrong with a message or a
 * frame ends this connection and nothing else.
 */
export class Connection {
  readonly interest = new Interest();
  readonly #context: ConnectionContext;
  readonly #outbox: Outbox;
  readonly #requests = new Map<number, Request>();
  readonly #reservations: Reservations;
  readonly #ignored = new IgnoredPayloads();
  readonly #probing: Probing;
  readonly #client: Client;
  readonly #owners: Owners;
  #isClosed = false;

  constructor(context: ConnectionContext, outbox: Outbox, client: Client) {
    this.#context = context;
    this.#outbox = outbox;
    this.#client = client;
    this.#owners = { client, connection: this };
    this.#reservations = new Reservations(context, this.#owners);
    this.#probing = new Probing(this.#ignored, {
      answer: (message) => this.#send(message),
      refuse: (id, error) => this.#sendError(id, error),
    });
  }

  get numUnanswered(): number {
    return this.#requests.size;
  }

  get numReserved(): number {
    return this.#reservations.size;
  }

  /** Says hello. */
  open(): void {
    const { maxInFlight, maxRequestBytes } = this.#context.limits;
    const limits = { maxInFlight, maxRequestBytes, maxProbeBytes: MAX_PROBE_BYTES };
    this.#send({ type: 'welcome', limits, codecs: [...TENSOR_CODECS], load: this.#context.load() });
  }

  /** @param atMs when the message arrived. */
  receive(data: Uint8Array, isBinary: boolean, atMs: number): void {
    if (this.#isClosed) return;
    const wrong = isBinary ? this.#receiveChunk(data, atMs) : this.#receiveText(data, atMs);
    if (wrong !== undefined) this.#fail(wrong);
  }

  /** Pushes a load report, unless the client is already behind in reading. */
  pushLoad(text: string): void {
    if (!this.#isClosed && !this.#outbox.isCongested) this.#outbox.text(text);
  }

  /** Ends what has been waiting for its client for too long. Call it about once a second. */
  sweep(nowMs: number): void {
    const { uploadIdleMs } = this.#context.limits;
    this.#reservations.expire(nowMs, uploadIdleMs);
    for (const request of this.#requests.values()) {
      const late = request.uploadTimeout(nowMs, this.#context.limits);
      if (late !== undefined) this.#refuse(request, late);
    }
    this.#probing.expire(nowMs, uploadIdleMs);
    if (this.#outbox.isStalled(nowMs)) {
      this.#fail(new ProtocolError('slow_reader', 'replies were not read for too long'));
    }
  }

  /** Answers everything that does not run yet with `error`; what runs is answered when it is done. */
  refuseWaiting(error: ProtocolError): void {
    this.#reservations.clear();
    for (const request of this.#requests.values()) {
      if (request.job === undefined) this.#refuse(request, error);
    }
  }

  /** The socket is gone, or about to be: nothing more is sent, and nothing is kept. */
  close(): void {
    this.#isClosed = true;
    this.#reservations.clear();
    for (const request of this.#requests.values()) this.#settle(request, { code: 'cancelled' });
    this.#context.scheduler.forgetConnection(this.#owners);
  }

  /** Memory that is not there, or a defect of ours: it costs this connection, not the edge. */
  breakOff(error: unknown): void {
    this.#context.onDefect(error);
    this.close();
    this.#outbox.close(INTERNAL_ERROR, 'internal error');
  }

  #fail(error: ProtocolError): void {
    this.#send({ type: 'error', id: null, code: error.code, message: error.message });
    this.close();
    this.#outbox.close(closeCodeOf(error), error.code);
  }

  #receiveText(data: Uint8Array, atMs: number): ProtocolError | undefined {
    if (data.byteLength > MAX_FRAME_BYTES) {
      return new ProtocolError('frame_too_large', `a message of ${data.byteLength} bytes; at most ${MAX_FRAME_BYTES}`);
    }
    const message = parseClientMessage(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
    return message instanceof ProtocolError ? message : this.#handle(message, atMs);
  }

  #handle(message: ClientMessage, atMs: number): ProtocolError | undefined {
    switch (message.type) {
      case 'ping':
        this.#send({ type: 'pong', id: message.id });
        return undefined;
      case 'cancel':
        this.#cancel(message.id);
        return undefined;
      case 'reserve':
        return this.#reserve(message, atMs);
      case 'infer':
        return this.#announce(message, atMs);
      case 'probe':
        return this.#announceProbe(message, atMs);
    }
  }

  #isTaken(id: number): ProtocolError | undefined {
    const isTaken =
      this.#requests.has(id) || this.#reservations.has(id) || this.#ignored.has(id) || this.#probing.has(id);
    if (!isTaken) return undefined;
    return new ProtocolError('duplicate_id', `request ${id} is still in flight; use another id`);
  }

  #reserve(message: ReserveMessage, atMs: number): ProtocolError | undefined {
    const taken = this.#isTaken(message.id);
    if (taken === undefined) this.#reservations.hold(message, this.#client, this.numUnanswered, atMs);
    return taken;
  }

  #announce(message: InferMessage, atMs: number): ProtocolError | undefined {
    const { id, numBytes } = message;
    const taken = this.#reservations.has(id) ? undefined : this.#isTaken(id);
    if (taken !== undefined) return taken;
    const admitted = admit(message, this.#context, {
      owners: this.#owners,
      unanswered: this.numUnanswered,
      ofClient: this.#client.numUnanswered,
    });
    if (admitted instanceof ProtocolError) {
      this.#reservations.release(id);
      this.#ignored.add(id, numBytes);
      const model = this.#context.models.catalog.get(message.model)?.name;
      const course = courseOf(message, atMs);
      this.#context.onSettled({ model, code: admitted.code, receivedBytes: 0, sentBytes: 0, course });
      this.#sendError(id, admitted);
      return undefined;
    }
    this.interest.active(atMs, admitted.model);
    const request = new Request(message, admitted, atMs);
    this.#requests.set(id, request);
    request.place = this.#reservations.placeFor(message, admitted);
    if (request.assembler.complete) this.#submit(request);
    return undefined;
  }

  #receiveChunk(frame: Uint8Array, atMs: number): ProtocolError | undefined {
    const chunk = decodeChunk(frame);
    if (chunk instanceof ProtocolError) return chunk;
    if (this.#probing.has(chunk.id)) return this.#probing.receive(chunk, atMs);
    const request = this.#requests.get(chunk.id);
    if (request === undefined || request.job !== undefined) {
      if (this.#ignored.take(chunk.id, chunk.bytes.byteLength)) return undefined;
      return request === undefined
        ? new ProtocolError('unknown_id', `a chunk of request ${chunk.id}, which is not in flight`)
        : new ProtocolError('bad_offset', `a chunk of request ${chunk.id}, whose payload was whole already`);
    }
    const wrong = request.assembler.accept(chunk, atMs);
    if (wrong !== undefined) return wrong;
    request.lastChunkAtMs = atMs;
    if (request.assembler.complete) this.#submit(request);
    return undefined;
  }

  #announceProbe(message: ProbeMessage, atMs: number): ProtocolError | undefined {
    const taken = this.#isTaken(message.id);
    if (taken !== undefined) return taken;
    this.interest.active(atMs);
    this.#probing.announce(message, atMs);
    return undefined;
  }

  #submit(request: Request): void {
    const job = tailJob(this.#context, request.tail(this.#owners), {
      started: (atMs) => {
        request.startedAtMs = atMs;
      },
      done: (outcome, startedAtMs) => this.#reply(request, outcome, startedAtMs),
      refused: (error) => this.#refuse(request, error),
    });
    request.job = job;
    const refusal = this.#context.isStopping() ? stopping() : this.#context.scheduler.submit(job, request.place);
    if (refusal !== undefined) this.#refuse(request, refusal);
  }

  #reply(request: Request, outcome: TailOutcome, startedAtMs: number): void {
    // Cancelled, timed out or gone meanwhile.
    if (this.#requests.get(request.id) !== request) return;
    const timings = timingsOf(request, outcome, { startedAtMs, doneAtMs: this.#context.clock() });
    const { payload, provider } = outcome;
    const text = JSON.stringify(resultMessage(request, outcome, timings, this.#context.load()));
    try {
      this.#outbox.result(text, chunksOf(request.id, [payload]), () => this.#written(request));
      this.#settle(request, { code: 'ok', sentBytes: payload.byteLength, timings, provider });
    } catch (error) {
      // Part of it may be on its way: nothing that followed would be understood.
      this.breakOff(error);
    }
  }

  #written({ admitted, announcedAtMs }: Request): void {
    this.#context.onWritten(admitted.model, this.#context.clock() - announcedAtMs);
  }

  #cancel(id: number): void {
    this.#probing.cancel(id, cancelled());
    this.#ignored.delete(id);
    // Silently: only what was asked for by an `infer` is answered.
    this.#reservations.release(id);
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#settle(request, { code: 'cancelled' });
    this.#sendError(id, cancelled());
  }

  /** Ends a request with an error. */
  #refuse(request: Request, error: ProtocolError): void {
    if (!this.#settle(request, { code: error.code })) return;
    this.#ignored.add(request.id, request.assembler.numBytes - request.assembler.receivedBytes);
    this.#sendError(request.id, error);
  }

  /** Whether the request was still open. Its memory and its place are given back, and nothing more is said of it. */
  #settle(request: Request, end: End): boolean {
    if (this.#requests.get(request.id) !== request) return false;
    this.#requests.delete(request.id);
    request.over();
    this.#context.uploads.give(this.#owners, request.message.numBytes);
    if (request.place !== undefined) this.#context.scheduler.release(request.place);
    const { admitted, assembler, course } = request;
    const { receivedBytes } = assembler;
    this.#context.onSettled({ sentBytes: 0, ...end, model: admitted.model, receivedBytes, course });
    return true;
  }

  #sendError(id: number, error: ProtocolError): void {
    this.#send(errorMessage(id, error, this.#context.recentLoad()));
  }

  #send(message: EdgeMessage): void {
    if (!this.#isClosed) this.#outbox.text(JSON.stringify(message));
  }
}

/** As WebSockets count the reasons to close. */
const INTERNAL_ERROR = 1011;

/** How a request ended. */
type End = Pick<SettledRequest, 'code' | 'timings' | 'provider'> & Partial<Pick<SettledRequest, 'sentBytes'>>;

function cancelled(): ProtocolError {
  return new ProtocolError('cancelled', 'cancelled by the client');
}
