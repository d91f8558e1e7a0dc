import {
  type ClientMessage,
  chunksOf,
  decodeChunk,
  type EdgeMessage,
  type InferMessage,
  type LoadReport,
  MAX_FRAME_BYTES,
  ProtocolError,
  parseClientMessage,
  TENSOR_CODECS,
} from '@cutpoint/protocol';
import type { Dispatcher, TailOutcome } from '../dispatcher/dispatcher.js';
import type { Job, Scheduler } from '../scheduler/scheduler.js';
import type { ServedCut, ServedModels } from '../server/catalog.js';
import { admit } from './admission.js';
import { IgnoredPayloads } from './ignored-payloads.js';
import type { Outbox } from './outbox.js';
import { Request } from './request.js';
import { timingsOf } from './timings.js';
import type { UploadBudget } from './upload-budget.js';

export interface ConnectionLimits {
  readonly maxInFlight: number;
  readonly maxRequestBytes: number;
  /** An upload may pause this long, */
  readonly uploadIdleMs: number;
  /** and take this long in all. */
  readonly uploadMs: number;
}

/** What all connections of one edge share. */
export interface ConnectionContext {
  readonly models: ServedModels;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly uploads: UploadBudget;
  readonly limits: ConnectionLimits;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  readonly load: () => LoadReport;
  /** ms that the tail of a cut takes on an idle edge, by all that is known. */
  readonly idleTailMs: (served: ServedCut) => number;
  /** A tail ran, and not for the first time. */
  readonly onTail: (model: string, served: ServedCut, measuredMs: number) => void;
  readonly onTailError: (model: string, error: unknown) => void;
  /** Something went wrong that no message of a client should bring about. */
  readonly onDefect: (error: unknown) => void;
  readonly isStopping: () => boolean;
}

/**
 * One client on one socket. Every `infer` gets exactly one `result` or `error`; whatever is wrong with a message or a
 * frame ends this connection and nothing else.
 */
export class Connection {
  readonly #context: ConnectionContext;
  readonly #outbox: Outbox;
  readonly #requests = new Map<number, Request>();
  readonly #ignored = new IgnoredPayloads();
  #isClosed = false;

  constructor(context: ConnectionContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** Says hello. */
  open(): void {
    const { maxInFlight, maxRequestBytes } = this.#context.limits;
    const load = this.#context.load();
    this.#send({ type: 'welcome', limits: { maxInFlight, maxRequestBytes }, codecs: [...TENSOR_CODECS], load });
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
    const { uploadIdleMs, uploadMs } = this.#context.limits;
    for (const request of this.#requests.values()) {
      if (request.job !== undefined) continue;
      const idleMs = nowMs - request.lastChunkAtMs;
      if (idleMs < uploadIdleMs && nowMs - request.announcedAtMs < uploadMs) continue;
      const { receivedBytes, numBytes } = request.assembler;
      this.#refuse(
        request,
        new ProtocolError(
          'upload_timeout',
          `${receivedBytes} of ${numBytes} bytes came in ${(nowMs - request.announcedAtMs).toFixed(0)} ms, none for ${idleMs.toFixed(0)} ms`,
        ),
      );
    }
    if (this.#outbox.isStalled(nowMs)) {
      this.#fail(new ProtocolError('slow_reader', 'replies were not read for too long'));
    }
  }

  /** Answers everything that does not run yet with `error`; what runs is answered when it is done. */
  refuseWaiting(error: ProtocolError): void {
    for (const request of this.#requests.values()) {
      if (request.job === undefined) this.#refuse(request, error);
    }
  }

  /** The socket is gone, or about to be: nothing more is sent, and nothing is kept. */
  close(): void {
    this.#isClosed = true;
    for (const request of this.#requests.values()) {
      if (request.job !== undefined) this.#context.scheduler.cancel(request.job);
      this.#settle(request);
    }
  }

  #fail(error: ProtocolError): void {
    this.#send({ type: 'error', id: null, code: error.code, message: error.message });
    this.close();
    this.#outbox.close(error.closeCode, error.code);
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
      case 'infer':
        return this.#announce(message, atMs);
    }
  }

  #announce(message: InferMessage, atMs: number): ProtocolError | undefined {
    const { id, numBytes } = message;
    if (this.#requests.has(id) || this.#ignored.has(id)) {
      return new ProtocolError('duplicate_id', `request ${id} is still in flight; use another id`);
    }
    const admitted = this.#admit(message);
    if (admitted instanceof ProtocolError) {
      this.#ignored.add(id, numBytes);
      this.#sendError(id, admitted);
      return undefined;
    }
    const request = new Request(message, admitted, atMs);
    this.#requests.set(id, request);
    if (request.assembler.complete) this.#submit(request);
    return undefined;
  }

  #admit(message: InferMessage) {
    const { limits, models, scheduler, uploads, isStopping } = this.#context;
    if (isStopping()) return stopping();
    if (this.#requests.size >= limits.maxInFlight) {
      return new ProtocolError('too_many_in_flight', `${this.#requests.size} requests are unanswered, the limit`);
    }
    const admitted = admit(message, models, limits.maxRequestBytes);
    if (admitted instanceof ProtocolError) return admitted;
    const refusal = scheduler.refusal();
    if (refusal !== undefined) return refusal;
    switch (uploads.take(this, message.numBytes)) {
      case 'beyond-share':
        return new ProtocolError(
          'too_many_in_flight',
          `${message.numBytes} bytes more are beyond what one connection may have unanswered; wait for an answer`,
        );
      case 'beyond-all':
        return new ProtocolError('overloaded', 'too many bytes are being uploaded to this edge; try again later');
      case 'taken':
        return admitted;
    }
  }

  #receiveChunk(frame: Uint8Array, atMs: number): ProtocolError | undefined {
    const chunk = decodeChunk(frame);
    if (chunk instanceof ProtocolError) return chunk;
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

  #submit(request: Request): void {
    const job: Job = {
      client: this,
      model: request.admitted.model,
      idleMs: this.#context.idleTailMs(request.admitted.served),
      ...(request.deadlineAtMs === undefined ? {} : { deadlineAtMs: request.deadlineAtMs }),
      start: async () => await this.#run(request),
      reject: (error) => this.#refuse(request, error),
    };
    request.job = job;
    const refusal = this.#context.isStopping() ? stopping() : this.#context.scheduler.submit(job);
    if (refusal !== undefined) this.#refuse(request, refusal);
  }

  async #run(request: Request): Promise<void> {
    const { dispatcher, clock, onTail, onTailError } = this.#context;
    const { model, served, graphFile } = request.admitted;
    const startedAtMs = clock();
    let outcome: TailOutcome;
    try {
      outcome = await dispatcher.run({
        graphFile,
        inputs: request.message.tensors,
        payload: request.assembler.payload,
        outputs: served.cut.tailOutputs,
      });
    } catch (error) {
      if (!(error instanceof ProtocolError)) onTailError(model, error);
      this.#refuse(request, error instanceof ProtocolError ? error : tailFailed());
      return;
    }
    if (!outcome.isFirstRun) onTail(model, served, outcome.tailMs);
    this.#reply(request, outcome, startedAtMs);
  }

  #reply(request: Request, outcome: TailOutcome, startedAtMs: number): void {
    // Cancelled, timed out or gone meanwhile.
    if (!this.#settle(request)) return;
    const { id, assembler } = request;
    const message: EdgeMessage = {
      type: 'result',
      id,
      tensors: [...outcome.tensors],
      numBytes: outcome.payload.byteLength,
      timings: timingsOf(request, outcome, { startedAtMs, doneAtMs: this.#context.clock() }),
      arrivals: assembler.arrivals,
      load: this.#context.load(),
    };
    this.#outbox.result(JSON.stringify(message), chunksOf(id, [outcome.payload]));
  }

  #cancel(id: number): void {
    this.#ignored.delete(id);
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (request.job !== undefined) this.#context.scheduler.cancel(request.job);
    this.#settle(request);
    this.#sendError(id, new ProtocolError('cancelled', 'cancelled by the client'));
  }

  /** Ends a request with an error. */
  #refuse(request: Request, error: ProtocolError): void {
    if (!this.#settle(request)) return;
    this.#ignored.add(request.id, request.assembler.numBytes - request.assembler.receivedBytes);
    this.#sendError(request.id, error);
  }

  /** Whether the request was still open. Its memory is given back, and nothing more is said of it. */
  #settle(request: Request): boolean {
    if (this.#requests.get(request.id) !== request) return false;
    this.#requests.delete(request.id);
    this.#context.uploads.give(this, request.message.numBytes);
    return true;
  }

  #sendError(id: number, { code, message }: ProtocolError): void {
    this.#send({ type: 'error', id, code, message, load: this.#context.load() });
  }

  #send(message: EdgeMessage): void {
    if (!this.#isClosed) this.#outbox.text(JSON.stringify(message));
  }
}

function stopping(): ProtocolError {
  return new ProtocolError('shutting_down', 'this edge is stopping; finish locally and connect again later');
}

function tailFailed(): ProtocolError {
  return new ProtocolError('tail_failed', 'the tail could not be run at the edge; finish locally or try once more');
}
