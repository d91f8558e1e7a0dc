import { once } from 'node:events';
import {
  BEARER_SUBPROTOCOL_PREFIX,
  chunksOf,
  decodeChunk,
  decodeTensors,
  type EdgeMessage,
  encodeTensors,
  PayloadAssembler,
  ProtocolError,
  parseEdgeMessage,
  type ResultMessage,
  SUBPROTOCOL,
  type TensorArray,
  type TensorData,
  tensorArray,
} from '@cutpoint/protocol';
import { type ClientOptions, WebSocket } from 'ws';
import type { PreparedModel } from '../prepare/prepared.js';

export interface Answer {
  readonly message: ResultMessage;
  readonly outputs: Readonly<Record<string, TensorArray>>;
}

type ErrorMessage = Extract<EdgeMessage, { type: 'error' }>;

/** Speaks the protocol plainly over a real socket, and wrongly when a test wants that. */
export class TestClient {
  readonly socket: WebSocket;
  /** All text messages so far, and the results whose payloads are whole. */
  readonly messages: EdgeMessage[] = [];
  readonly #answers = new Map<number, Answer | ErrorMessage>();
  readonly #payloads = new Map<number, { message: ResultMessage; assembler: PayloadAssembler }>();
  #waiting: (() => void)[] = [];
  closed: { code: number } | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      this.#receive(data, isBinary);
      this.#wake();
    });
    socket.on('close', (code) => {
      this.closed = { code };
      this.#wake();
    });
    socket.on('error', () => undefined);
  }

  /** @param token offered as a browser would. */
  static async open(url: string, options: ClientOptions = {}, token?: string): Promise<TestClient> {
    const protocols = token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token];
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream`, protocols, options);
    const client = new TestClient(socket);
    await once(socket, 'open');
    await client.until(() => client.messages[0]);
    return client;
  }

  /** Announces a request and sends its payload; see {@link answer}. */
  infer(
    id: number,
    model: PreparedModel,
    cut: number,
    tensors: readonly TensorData[],
    more: { readonly deadlineMs?: number; readonly traceparent?: unknown; readonly withoutPayload?: boolean } = {},
  ): void {
    const { withoutPayload, ...fields } = more;
    const { parts, ...headers } = encodeTensors(tensors);
    const [table = ''] = model.tables.keys();
    this.send({ type: 'infer', id, model: model.manifest.model, table, cut, ...headers, ...fields });
    if (withoutPayload) return;
    for (const frame of chunksOf(id, parts)) this.socket.send(frame);
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The result or error of a request. */
  async answer(id: number): Promise<Answer | ErrorMessage> {
    return await this.until(() => this.#answers.get(id));
  }

  async result(id: number): Promise<Answer> {
    const answer = await this.answer(id);
    if ('outputs' in answer) return answer;
    throw new Error(`request ${id} failed: ${answer.code}: ${answer.message}`);
  }

  async errorOf(id: number): Promise<string> {
    const answer = await this.answer(id);
    return 'outputs' in answer ? 'no error' : answer.code;
  }

  /** How the edge ended this connection: the code of its last words, and of its close. */
  async end(): Promise<{ code: string | undefined; closeCode: number }> {
    const { code: closeCode } = await this.until(() => this.closed);
    const last = this.messages.find((message) => message.type === 'error' && message.id === null);
    return { code: last?.type === 'error' ? last.code : undefined, closeCode };
  }

  /** Waits until `look` gives something. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.closed !== undefined) throw new Error(`closed with ${this.closed.code}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.socket.close();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const chunk = decodeChunk(data);
      if (chunk instanceof ProtocolError) throw chunk;
      const payload = this.#payloads.get(chunk.id);
      const wrong = payload?.assembler.accept(chunk, 0) ?? undefined;
      if (wrong !== undefined) throw wrong;
      if (payload?.assembler.complete) this.#finish(payload.message, payload.assembler);
      return;
    }
    const message = parseEdgeMessage(data.toString());
    if (message instanceof ProtocolError) throw message;
    this.messages.push(message);
    if (message.type === 'error' && message.id !== null) this.#answers.set(message.id, message);
    if (message.type !== 'result') return;
    const assembler = new PayloadAssembler(message.numBytes);
    this.#payloads.set(message.id, { message, assembler });
    if (assembler.complete) this.#finish(message, assembler);
  }

  #finish(message: ResultMessage, { payload }: PayloadAssembler): void {
    const outputs = Object.fromEntries(
      decodeTensors(message.tensors, payload).map(({ header, bytes }) => [
        header.name,
        tensorArray(header.type, bytes),
      ]),
    );
    this.#payloads.delete(message.id);
    this.#answers.set(message.id, { message, outputs });
  }
}

export const floats = (name: string, dims: readonly number[], values: readonly number[]): TensorData => ({
  name,
  type: 'float32',
  dims: [...dims],
  data: new Float32Array(values),
});

export const bytes = (name: string, values: readonly number[]): TensorData => ({
  name,
  type: 'uint8',
  dims: [values.length],
  data: new Uint8Array(values),
});
