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

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  result?: ResultMessage;
  assembler?: PayloadAssembler;
}

/** The protocol's client side with nothing around it: one request at a time. */
export class StreamClient implements Disposable {
  readonly #socket: WebSocket;
  #pending: Pending | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const error = isBinary ? this.#onChunk(data) : this.#onMessage(parseEdgeMessage(data.toString()));
      if (error !== undefined) this.#fail(error);
    });
    socket.on('close', (code) => this.#fail(new Error(`the edge closed the connection with ${code}`)));
  }

  static async open(url: string): Promise<StreamClient> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream`, SUBPROTOCOL, { perMessageDeflate: false });
    const client = new StreamClient(socket);
    await once(socket, 'open');
    return client;
  }

  infer(message: InferMessage, parts: readonly Uint8Array[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#socket.send(JSON.stringify(message));
      for (const frame of chunksOf(message.id, parts)) this.#socket.send(frame);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #onMessage(message: EdgeMessage | ProtocolError): Error | undefined {
    if (message instanceof ProtocolError) return message;
    if (message.type === 'error') return new Error(`${message.code}: ${message.message}`);
    if (message.type !== 'result' || this.#pending === undefined) return undefined;
    this.#pending.result = message;
    this.#pending.assembler = new PayloadAssembler(message.numBytes);
    this.#settle();
    return undefined;
  }

  #onChunk(frame: Uint8Array): Error | undefined {
    const chunk = decodeChunk(frame);
    if (chunk instanceof ProtocolError) return chunk;
    const error = this.#pending?.assembler?.accept(chunk, performance.now());
    if (error !== undefined) return error;
    this.#settle();
    return undefined;
  }

  #settle(): void {
    const { resolve, result, assembler } = this.#pending ?? {};
    if (resolve === undefined || result === undefined || assembler?.complete !== true) return;
    this.#pending = undefined;
    resolve({ result, payload: assembler.payload });
  }

  #fail(error: Error): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}
