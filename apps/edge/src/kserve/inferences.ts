import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type EdgeTimings, ProtocolError, type TensorHeader, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import { stopping, tooManyOfClient } from '../connection/admission.js';
import type { ConnectionContext } from '../connection/context.js';
import type { Course, SettledRequest } from '../connection/settled.js';
import { tailJob } from '../connection/tail-job.js';
import { timingsOf } from '../connection/timings.js';
import type { TailOutcome } from '../dispatcher/dispatcher.js';
import type { Place } from '../scheduler/scheduler.js';
import type { Owners } from '../scheduler/shared-use.js';
import { answerBytes } from './answer-bytes.js';
import { type BodyLimit, bodyLimit } from './body-limit.js';
import type { BodyThread } from './body-thread.js';
import { HeldBytes } from './held-bytes.js';
import type { InferRequest } from './infer-request.js';
import type { InferResponse } from './infer-response.js';
import { type BodyEncoding, readBody } from './read-body.js';
import type { Form, Target } from './target.js';

/** How long what is answered already may take to reach its client when the edge stops. */
const FLUSH_MS = 1_000;

/** One `infer` over HTTP. */
export interface InferCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  /** Whose limits it counts against. */
  readonly clientKey: string;
  readonly encoding: BodyEncoding | undefined;
  /** What `Inference-Header-Content-Length` says. */
  readonly jsonBytes: number | undefined;
  /** As it came. */
  readonly course: Course;
}

/** An `infer` while it is open: it ends when its answer is sent, or its client gone. */
interface OpenCall {
  readonly call: InferCall;
  readonly owners: Owners;
  readonly place: Place;
  readonly held: HeldBytes;
  /** Rejects when the call has to end before its tail is done. */
  readonly ended: Promise<never>;
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /** Of its body, until that was read and says another. */
  deadlineAtMs: number;
  /** It waits for its turn, or has had it. */
  isSubmitted: boolean;
  /** What the body thread does for it, or did last. It goes on when the client is gone, and holds its bytes until it is done. */
  bodyWork: Promise<unknown> | undefined;
  end(error: ProtocolError): void;
  /** Gives back all that it has, once however often it is called. */
  over(): void;
}

/** What is known of a call so far. */
type Tally = { -readonly [K in keyof Omit<SettledRequest, 'model' | 'code'>]: SettledRequest[K] };

interface Ran {
  readonly outcome: TailOutcome;
  readonly timings: EdgeTimings;
}

/**
 * Inference over HTTP: the same admission, queue, deadlines and tails as over the WebSocket. A connection is a socket here as
 * it is there; behind a proxy it may be one of several clients.
 */
export class Inferences {
  readonly #context: ConnectionContext;
  readonly #bodies: BodyThread;
  readonly #maxBodyBytes: number;
  readonly #open = new Set<OpenCall>();
  /** Clients that used a socket, which is watched until it closes. */
  readonly #clientsOf = new WeakMap<Socket, Set<object>>();
  #whenEmpty: (() => void) | undefined;

  constructor(context: ConnectionContext, bodies: BodyThread, maxBodyBytes: number) {
    this.#context = context;
    this.#bodies = bodies;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * Reads the request, has its tail run, and writes the answer.
   * @throws ProtocolError why not; `cancelled` when nobody waits for an answer any more
   */
  async infer(call: InferCall): Promise<InferResponse> {
    const { clock, onSettled, onWritten } = this.#context;
    const { model } = call.target;
    const tally: Tally = { receivedBytes: 0, sentBytes: 0, course: call.course };
    try {
      const written = await this.#answer(call, tally);
      call.response.once('finish', () => onWritten(model, clock() - call.course.announcedAtMs));
      onSettled({ model, code: 'ok', ...tally });
      return written;
    } catch (error) {
      const { receivedBytes, course } = tally;
      const code = error instanceof ProtocolError ? error.code : 'internal_error';
      onSettled({ model, code, receivedBytes, sentBytes: 0, course });
      throw error;
    }
  }

  async #answer(call: InferCall, tally: Tally): Promise<InferResponse> {
    const limit = this.#admit(call);
    const open = this.#announce(call);
    tally.course = { ...call.course, isAdmitted: true };
    try {
      const asked = await this.#read(open, limit);
      // Before the payload is handed over.
      tally.receivedBytes = asked.payload.byteLength;
      const { outcome, timings } = await this.#run(open, asked, tally);
      const { target, response } = call;
      const { tensors, payload } = outcome;
      tally.sentBytes = payload.byteLength;
      tally.timings = timings;
      tally.provider = outcome.provider;
      const { name: modelName, version: modelVersion } = target;
      const { outputs, id } = asked;
      const about = { modelName, modelVersion, outputs, ...(id === undefined ? {} : { id }) };
      const writing = this.#bodies.write({ ...about, tensors, payload }, open);
      open.bodyWork = writing;
      const written = await writing;
      response.setTimeout(this.#context.limits.stallMs, () => response.destroy());
      return written;
    } finally {
      this.#context.scheduler.release(open.place);
    }
  }

  /** Refuses all that has not come whole. */
  refuseWaiting(error: ProtocolError): void {
    for (const { end, isSubmitted } of this.#open) if (!isSubmitted) end(error);
  }

  /** Refuses what has no answer yet, and resolves when the answers are sent, or have had their time. */
  async close(): Promise<void> {
    for (const { end } of this.#open) end(stopping());
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(resolve, FLUSH_MS);
      this.#whenEmpty = () => {
        clearTimeout(impatience);
        resolve();
      };
    });
  }

  /**
   * Before a byte of the body is read.
   * @returns how large it may be
   */
  #admit({ request, response, target, clientKey, encoding, jsonBytes }: InferCall): BodyLimit {
    // While its token was looked at: of its close nobody would hear any more.
    if (request.socket.destroyed || response.closed) throw clientGone();
    const refusal = this.#refusal(request.socket, clientKey);
    if (refusal !== undefined) throw refusal;
    const limit = bodyLimit(target.forms, jsonBytes, this.#maxBodyBytes);
    if (limit instanceof ProtocolError) throw limit;
    const known = encoding === undefined ? Number(request.headers['content-length'] ?? 0) : 0;
    if (known > limit.maxBytes) throw limit.tooLarge();
    return limit;
  }

  #refusal(connection: Socket, clientKey: string): ProtocolError | undefined {
    const { isStopping, limits, scheduler, clients } = this.#context;
    if (isStopping()) return stopping();
    const unanswered = [...this.#open].filter(({ owners }) => owners.connection === connection).length;
    if (unanswered >= limits.maxInFlight) {
      return new ProtocolError(
        'too_many_in_flight',
        `${unanswered} requests of this connection are unanswered, the limit`,
      );
    }
    const client = clients.join(clientKey);
    return tooManyOfClient(client.numUnanswered, limits) ?? scheduler.refusal({ client, connection });
  }

  #announce(call: InferCall): OpenCall {
    const { scheduler, uploads, idleTailMs, clients, limits } = this.#context;
    const { request, response, target, clientKey, course } = call;
    const owners = { client: clients.join(clientKey), connection: request.socket };
    this.#watch(request.socket, owners.client);
    let end: (error: ProtocolError) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    // Whoever is not waiting just then need not hear of it.
    ended.catch(() => undefined);
    const [{ served }] = target.forms;
    const place = scheduler.reserve({ ...owners, model: target.model, idleMs: idleTailMs(served) });
    const held = new HeldBytes(uploads, owners);
    const countedOut = clients.countIn(clientKey);
    const letGo = served.version.hold();
    const gone = new AbortController();
    const over = () => {
      if (!this.#open.delete(open)) return;
      end(clientGone());
      gone.abort();
      scheduler.release(place);
      const release = () => held.release();
      if (open.bodyWork) open.bodyWork.then(release, release);
      else release();
      countedOut();
      letGo();
      if (this.#open.size === 0) this.#whenEmpty?.();
    };
    const deadlineAtMs = course.announcedAtMs + limits.defaultDeadlineMs;
    const state = { signal: gone.signal, deadlineAtMs, isSubmitted: false, bodyWork: undefined };
    const open: OpenCall = { call, owners, place, held, ended, end, over, ...state };
    this.#open.add(open);
    response.once('close', over);
    return open;
  }

  /** Of the responses in line on a socket, Node tells only the first that it has closed. */
  #watch(connection: Socket, client: object): void {
    const known = this.#clientsOf.get(connection)?.add(client);
    if (known !== undefined) return;
    const clients = new Set([client]);
    this.#clientsOf.set(connection, clients);
    connection.once('close', () => {
      for (const open of [...this.#open]) if (open.owners.connection === connection) open.over();
      for (const each of clients) this.#context.scheduler.forgetConnection({ client: each, connection });
    });
  }

  async #read(open: OpenCall, limit: BodyLimit): Promise<InferRequest> {
    const { call, held, ended } = open;
    const { request, encoding, target, jsonBytes } = call;
    const { uploadIdleMs: idleMs, uploadMs: totalMs } = this.#context.limits;
    const known = encoding === undefined ? request.headers['content-length'] : undefined;
    // At once where it can be: a body that found room at first should not be refused half way.
    if (known !== undefined) held.grow(Number(known));
    const take = (numBytes: number) => (known === undefined ? held.grow(numBytes) : undefined);
    const body = await Promise.race([readBody(request, encoding, { ...limit, idleMs, totalMs }, take), ended]);
    if (jsonBytes !== undefined && jsonBytes > body.byteLength) {
      throw new ProtocolError(
        'bad_message',
        `Inference-Header-Content-Length is ${jsonBytes}; the body has ${body.byteLength} bytes`,
      );
    }
    const reading = this.#bodies.read({ body, jsonBytes, contracts: target.forms }, open);
    open.bodyWork = reading;
    const asked = await Promise.race([reading, ended]);
    if (asked.timeoutMs) open.deadlineAtMs = call.course.announcedAtMs + asked.timeoutMs;
    held.grow(answerBytes(asked.outputs, formOf(target, asked).outputs));
    return asked;
  }

  async #run(open: OpenCall, asked: InferRequest, tally: Tally): Promise<Ran> {
    const { call, owners, place, ended } = open;
    const { scheduler, clock, isStopping } = this.#context;
    const { model } = call.target;
    const { served, graphFile, inputs } = formOf(call.target, asked);
    const receivedAtMs = clock();
    tally.course = { ...tally.course, uploadedAtMs: receivedAtMs };
    const started = (startedAtMs: number) => {
      tally.course = { ...tally.course, startedAtMs };
    };
    const tail = new Promise<Ran>((resolve, refused) => {
      const done = (outcome: TailOutcome, startedAtMs: number) => {
        const uploaded = { announcedAtMs: call.course.announcedAtMs, lastChunkAtMs: receivedAtMs };
        resolve({ outcome, timings: timingsOf(uploaded, outcome, { startedAtMs, doneAtMs: clock() }) });
      };
      const job = tailJob(
        this.#context,
        {
          owners,
          admitted: { model, served, graphFile },
          inputs: inputs.map(headerOf),
          payload: asked.payload,
          outputs: asked.outputs.map(({ name }) => name),
          receivedAtMs,
          deadlineAtMs: asked.timeoutMs ? open.deadlineAtMs : undefined,
        },
        { started, done, refused },
      );
      open.isSubmitted = true;
      const refusal = isStopping() ? stopping() : scheduler.submit(job, place);
      if (refusal !== undefined) refused(refusal);
    });
    return await Promise.race([tail, ended]);
  }
}

function clientGone(): ProtocolError {
  return new ProtocolError('cancelled', 'the client is gone');
}

function formOf({ forms }: Target, { contract }: InferRequest): Form {
  return forms[contract] ?? forms[0];
}

function headerOf(info: TensorInfo): TensorHeader {
  return { ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) };
}
