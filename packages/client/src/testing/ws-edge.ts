import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Chunk,
  type ClientMessage,
  chunksOf,
  decodeChunk,
  encodeTensors,
  type InferMessage,
  type LoadReport,
  PayloadAssembler,
  parseClientMessage,
} from '@cutpoint/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

const IDLE_LOAD: LoadReport = {
  atMs: 0,
  queueDepth: 0,
  queueMs: 0,
  inFlight: 0,
  workers: 1,
  k: {},
  cpuUtilisation: 0,
  gpuUtilisation: null,
};

export interface Received {
  readonly message: InferMessage;
  readonly payload: PayloadAssembler;
  /** When each chunk came, by the clock of this end. */
  readonly chunkAtMs: number[];
}

/** The other end of a real socket: keeps what it was sent and answers when the test says so. */
export class WsEdge {
  readonly server: WebSocketServer;
  readonly #http: Server;
  readonly url: string;
  readonly protocols: string[] = [];
  readonly messages: ClientMessage[] = [];
  readonly received = new Map<number, Received>();
  readonly probes = new Map<number, PayloadAssembler>();
  answersPings = true;
  answersProbes = true;
  socket: WebSocket | undefined;
  connections = 0;
  limits: { maxInFlight: number; maxRequestBytes: number; maxProbeBytes?: number };
  /** What it says of its load with each answer. */
  load = IDLE_LOAD;
  /** Called when a request has come whole; without it the test answers by hand. */
  onRequest: ((id: number, message: InferMessage) => void) | undefined;
  readonly #waiters: { readonly met: () => boolean; readonly resolve: () => void }[] = [];

  private constructor(http: Server, server: WebSocketServer, maxInFlight: number) {
    this.#http = http;
    this.server = server;
    this.limits = { maxInFlight, maxRequestBytes: 1_000_000, maxProbeBytes: 65_536 };
    this.url = `ws://127.0.0.1:${this.port}/v1/stream`;
    server.on('connection', (socket, request) => {
      this.connections += 1;
      this.socket = socket;
      this.received.clear();
      this.protocols.push(request.headers['sec-websocket-protocol'] ?? '');
      socket.on('message', (data: Buffer, isBinary) => this.#onMessage(data, isBinary));
      this.send({ type: 'welcome', limits: this.limits, load: IDLE_LOAD });
    });
  }

  /** @param documents answers everything that is no WebSocket */
  static async listen(maxInFlight = 4, port = 0, documents?: RequestListener): Promise<WsEdge> {
    const http = createServer(documents);
    const server = new WebSocketServer({
      server: http,
      handleProtocols: (protocols) => (protocols.has('cutpoint.v1') ? 'cutpoint.v1' : false),
    });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    return new WsEdge(http, server, maxInFlight);
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  send(message: object | string): void {
    this.socket?.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Answers with one f32 tensor. */
  reply(id: number, values: readonly number[], more: { readonly stale?: true } = {}): void {
    const tensor = { name: 'y', type: 'float32' as const, dims: [values.length], data: Float32Array.from(values) };
    const { tensors, parts, numBytes } = encodeTensors([tensor]);
    const arrivals = this.received.get(id)?.payload.arrivals;
    const timings = { uploadMs: 1, queueMs: 2, decodeMs: 0, tailMs: 3, encodeMs: 0, totalMs: 5 };
    this.send({ type: 'result', id, tensors, numBytes, timings, arrivals, ...more, load: this.load });
    for (const frame of chunksOf(id, parts)) this.socket?.send(frame);
  }

  /** Resolves as soon as the condition holds. */
  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ met, resolve }));
  }

  async close(): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    await new Promise((resolve) => this.server.close(resolve));
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const chunk = decodeChunk(new Uint8Array(data));
      if (chunk instanceof Error) throw chunk;
      const probe = this.probes.get(chunk.id);
      if (probe) this.#onProbeChunk(probe, chunk);
      else this.#onChunk(chunk);
    } else {
      const message = parseClientMessage(data.toString());
      if (message instanceof Error) throw message;
      this.messages.push(message);
      if (message.type === 'infer') {
        this.received.set(message.id, { message, payload: new PayloadAssembler(message.numBytes), chunkAtMs: [] });
      }
      if (message.type === 'probe') this.probes.set(message.id, new PayloadAssembler(message.numBytes));
      if (message.type === 'ping' && this.answersPings) this.send({ type: 'pong', id: message.id });
    }
    for (const waiter of [...this.#waiters]) {
      if (!waiter.met()) continue;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  }

  #onProbeChunk(probe: PayloadAssembler, chunk: Chunk): void {
    const wrong = probe.accept(chunk, performance.now());
    if (wrong) throw wrong;
    if (!probe.complete || !this.answersProbes) return;
    this.probes.delete(chunk.id);
    this.send({ type: 'probed', id: chunk.id, uploadMs: 0.25, arrivals: probe.arrivals });
  }

  #onChunk(chunk: Chunk): void {
    const request = this.received.get(chunk.id);
    if (!request) throw new Error(`chunk of ${chunk.id}, which was not announced`);
    request.chunkAtMs.push(performance.now());
    const wrong = request.payload.accept(chunk, performance.now());
    if (wrong) throw wrong;
    if (request.payload.complete) this.onRequest?.(chunk.id, request.message);
  }
}
