import { once } from 'node:events';
import {
  chunksOf,
  decodeChunk,
  type EdgeMessage,
  type InferMessage,
  PayloadAssembler,
  ProtocolError,
  parseEdgeMessage,
  type ResultMessage,
  SUBPROTOCOL,
} from '@cutpoint/protocol';
import { WebSocket } from 'ws';

export interface Reply {
  readonly result: ResultMessage;
  readonly payload: Uint8Array;
}

/** The edge answered a request with an error; `code` is the protocol's. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  /** When to try again, where the edge says so. */
  readonly retryAfterMs: number;

  constructor(code: string, message: string, retryAfterMs = 0) {
    super(`${code}: ${message}`);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  received?: { readonly result: ResultMessage; readonly assembler: PayloadAssembler };
}

/** The protocol's client side with nothing around it. */
export class StreamClient implements Disposable {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const error = isBinary ? this.#onChunk(data) : this.#onMessage(parseEdgeMessage(data.toString()));
      if (error !== undefined) this.#fail(error);
    });
    socket.on('close', (code) => this.#fail(new Error(`the connection to the edge closed with ${code}`)));
    socket.on('error', (error) => this.#fail(error));
  }

  /** @param address of the client, for an edge that trusts this machine as a proxy. */
  static async open(url: string, address?: string): Promise<StreamClient> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream`, SUBPROTOCOL, {
      perMessageDeflate: false,
      headers: address === undefined ? {} : { 'x-forwarded-for': address },
    });
    const client = new StreamClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** @throws Refusal what the edge says instead of a result; any other error when the connection broke */
  infer(message: Omit<InferMessage, 'id'>, parts: readonly Uint8Array[]): Promise<Reply> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ ...message, id }));
      for (const frame of chunksOf(id, parts)) this.#socket.send(frame);
    });
  }

  /** Announces a request, sends half of its payload, and is gone without a word. */
  vanish(message: Omit<InferMessage, 'id'>, parts: readonly Uint8Array[]): void {
    const id = this.#nextId++;
    this.#socket.send(JSON.stringify({ ...message, id }));
    const frames = [...chunksOf(id, parts)];
    for (const frame of frames.slice(0, frames.length / 2)) this.#socket.send(frame);
    this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #onMessage(message: EdgeMessage | ProtocolError): Error | undefined {
    if (message instanceof ProtocolError) return message;
    if (message.type === 'error') {
      const refusal = new Refusal(message.code, message.message, message.retryAfterMs);
      if (message.id === null) return refusal;
      this.#take(message.id)?.reject(refusal);
      return undefined;
    }
    const pending = message.type === 'result' ? this.#pending.get(message.id) : undefined;
    if (message.type !== 'result' || pending === undefined) return undefined;
    pending.received = { result: message, assembler: new PayloadAssembler(message.numBytes) };
    this.#settle(message.id, pending);
    return undefined;
  }

  #onChunk(frame: Uint8Array): Error | undefined {
    const chunk = decodeChunk(frame);
    if (chunk instanceof ProtocolError) return chunk;
    const pending = this.#pending.get(chunk.id);
    const error = pending?.received?.assembler.accept(chunk, performance.now());
    if (error === undefined && pending !== undefined) this.#settle(chunk.id, pending);
    return error;
  }

  #settle(id: number, { received }: Pending): void {
    if (received?.assembler.complete !== true) return;
    this.#take(id)?.resolve({ result: received.result, payload: received.assembler.payload });
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #fail(error: Error): void {
    for (const id of this.#pending.keys()) this.#take(id)?.reject(error);
  }
}
