import { setTimeout as delay } from 'node:timers/promises';
import type { LoadReport, ProtocolError } from '@cutpoint/protocol';
import type { RawData, WebSocket } from 'ws';
import { type DemoLinks, holdBackMs, pacedSocket } from '../demo/demo-link.js';
import { Connection } from './connection.js';
import type { ConnectionContext } from './context.js';
import { type Corkable, Outbox } from './outbox.js';

const SWEEP_MS = 1_000;
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
/** How long a client may take to answer a close before its socket is taken down. */
const CLOSE_GRACE_MS = 1_000;
/** How often an edge that stops looks whether its answers are read. */
const FLUSH_LOOK_MS = 20;

/** What a timer can hold; a token that is good for longer is looked at again when its client comes back. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Who opened a WebSocket. */
export interface Visitor {
  /** Whose limits it counts against. */
  readonly key: string;
  /** When its token ends, in ms since 1970. */
  readonly expiresAtMs?: number | undefined;
}

interface Member {
  readonly connection: Connection;
  readonly outbox: Outbox;
  isAlive: boolean;
}

/** All connections of one edge: their sockets, their heartbeat, and what is said to all of them. */
export class ConnectionHub {
  readonly #context: ConnectionContext;
  /** Where links may be slowed. */
  readonly #links: DemoLinks | undefined;
  readonly #members = new Map<WebSocket, Member>();
  readonly #sweep: NodeJS.Timeout;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(context: ConnectionContext, heartbeatMs: number, links?: DemoLinks) {
    this.#context = context;
    this.#links = links;
    this.#sweep = setInterval(() => this.sweep(), Math.min(SWEEP_MS, context.limits.uploadIdleMs / 2)).unref();
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Connections of one client. */
  sizeOf(key: string): number {
    return this.#context.clients.numConnections(key);
  }

  /** Models whose load matters to somebody who is connected. */
  wantedModels(): ReadonlySet<string> {
    const nowMs = this.#context.clock();
    return new Set([...this.#members.values()].flatMap(({ connection }) => connection.interest.models(nowMs)));
  }

  add(socket: WebSocket, tcp: Corkable, { key, expiresAtMs }: Visitor): void {
    const { clock, clients, limits } = this.#context;
    const link = this.#links?.open(key);
    const { stallMs } = limits;
    const outbox = new Outbox(link === undefined ? socket : pacedSocket(socket, link), tcp, { clock, stallMs });
    const client = clients.join(key);
    const connection = new Connection(this.#context, outbox, client);
    clients.connect(key, connection);
    const expiry = whenExpired(expiresAtMs, () => {
      connection.close();
      outbox.close(POLICY_VIOLATION, 'the token has expired');
    });
    const member: Member = { connection, outbox, isAlive: true };
    this.#members.set(socket, member);
    const receive = (data: Buffer, isBinary: boolean, atMs: number) => {
      try {
        connection.receive(data, isBinary, atMs);
      } catch (error) {
        connection.breakOff(error);
      }
    };
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const atMs = clock();
      member.isAlive = true;
      // `ws` gives one buffer for one message unless it is asked for something else.
      if (Buffer.isBuffer(data)) {
        if (link === undefined) receive(data, isBinary, atMs);
        // It has arrived when its link has carried it.
        else link.up.push(data.byteLength, () => receive(data, isBinary, clock()));
      }
      outbox.holdBack(Math.max(client.messages.take(atMs), link === undefined ? 0 : holdBackMs(link)));
    });
    socket.on('pong', () => {
      member.isAlive = true;
    });
    socket.on('close', () => {
      clearTimeout(expiry);
      if (link !== undefined) this.#links?.closed(key, link);
      this.#members.delete(socket);
      clients.leave(key, connection);
      outbox.dispose();
      connection.close();
    });
    connection.open();
  }

  publish(load: LoadReport): void {
    if (this.#members.size === 0) return;
    const text = JSON.stringify({ type: 'load', load });
    for (const { connection } of this.#members.values()) connection.pushLoad(text);
  }

  sweep(): void {
    const nowMs = this.#context.clock();
    for (const { connection } of this.#members.values()) connection.sweep(nowMs);
  }

  /** Answers all requests that are not running. */
  refuseWaiting(error: ProtocolError): void {
    for (const { connection } of this.#members.values()) connection.refuseWaiting(error);
  }

  /** Resolves when nothing is left to send to anybody who is still there. */
  async flushed(): Promise<void> {
    const isBehind = ({ outbox }: Member) => !outbox.isEmpty;
    while ([...this.#members.values()].some(isBehind)) await delay(FLUSH_LOOK_MS);
  }

  /** Says goodbye to everybody, and resolves when they are gone. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    clearInterval(this.#heartbeat);
    await Promise.all(
      [...this.#members].map(async ([socket, { connection, outbox }]) => {
        const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        const impatience = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
        connection.close();
        outbox.close(GOING_AWAY, 'the edge is stopping');
        await gone;
        clearTimeout(impatience);
      }),
    );
  }

  /** Finds sockets whose other end vanished without a word. */
  #beat(): void {
    for (const [socket, member] of this.#members) {
      // A paused socket cannot hear the pong; whether it is stalled is seen in what it reads.
      if (member.outbox.isPaused) continue;
      if (!member.isAlive) {
        socket.terminate();
        continue;
      }
      member.isAlive = false;
      socket.ping();
    }
  }
}

function whenExpired(expiresAtMs: number | undefined, expire: () => void): NodeJS.Timeout | undefined {
  if (expiresAtMs === undefined) return undefined;
  const inMs = expiresAtMs - Date.now();
  return inMs <= MAX_TIMER_MS ? setTimeout(expire, inMs).unref() : undefined;
}
