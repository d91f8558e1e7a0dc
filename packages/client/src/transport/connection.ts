import {
  BEARER_SUBPROTOCOL_PREFIX,
  decodeChunk,
  type LoadReport,
  PacedLink,
  ProtocolError,
  parseEdgeMessage,
  SUBPROTOCOL,
} from '@cutpoint/protocol';
import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { LinkShape } from '../session.js';
import { retryDelayMs } from './backoff.js';
import type { ConnectionEvents, ConnectionState } from './connection-events.js';
import { Exchange, type ExchangeLimits } from './exchange.js';
import { Heartbeat } from './heartbeat.js';
import type { ProbeReply } from './prober.js';
import type { TailReply, TailRequest } from './requests.js';
import type { Reservation, ReservedTail } from './reservations.js';
import type { SocketConstructor, SocketLike } from './socket.js';

/** A socket that has not said welcome after this is given up. */
const WELCOME_TIMEOUT_MS = 10_000;
const NORMAL_CLOSE = 1000;
const TAKEN_AWAY = 'the link was taken away';

export interface ConnectionOptions {
  /** `ws:` or `wss:` address of the stream. */
  readonly url: string;
  readonly token?: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly WebSocket: SocketConstructor;
}

/** One WebSocket to one edge, which comes back by itself when it breaks. */
export class EdgeConnection {
  readonly events = new Emitter<ConnectionEvents>();
  readonly #shaper: PacedLink;
  readonly #options: ConnectionOptions;
  #state: ConnectionState = { state: 'offline', reason: 'not connected yet' };
  #socket: SocketLike | undefined;
  #exchange: Exchange | undefined;
  #heartbeat: Heartbeat | undefined;
  #attempt = 0;
  #limits: ExchangeLimits | undefined;
  #codecs: ReadonlySet<string> = new Set();
  #cancelTimer: (() => void) | undefined;
  /** As if there were no network at all. */
  #isCutOff = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#shaper = new PacedLink(options.clock);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Payload that the edge takes in one request, as it last said. */
  get maxRequestBytes(): number {
    return this.#limits?.maxRequestBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Payload that it takes in one probe; 0 when it knows none. */
  get maxProbeBytes(): number {
    return this.#limits?.maxProbeBytes ?? 0;
  }

  /** Nothing is unanswered or reserved. */
  get isIdle(): boolean {
    return this.#exchange?.isIdle ?? true;
  }

  /** It has said what it takes, now or before. */
  get wasOnline(): boolean {
    return this.#limits !== undefined;
  }

  /** How tensors may be written for this edge, beyond raw, as it last said. */
  get codecs(): ReadonlySet<string> {
    return this.#codecs;
  }

  /** Starts to connect; look at the state, or wait with {@link whenOnline}. */
  open(): void {
    if (this.#state.state === 'closed' || this.#socket) return;
    this.#dial();
  }

  /** Resolves once online; rejects when closed, aborted, or not online within `timeoutMs` where that is given. */
  whenOnline(timeoutMs: number | undefined, signal?: AbortSignal): Promise<void> {
    if (this.#state.state === 'online') return Promise.resolve();
    if (this.#state.state === 'closed') return Promise.reject(CutpointError.closed('connection'));
    if (signal?.aborted) return Promise.reject(CutpointError.aborted(signal));
    return new Promise((resolve, reject) => {
      const settle = (error?: CutpointError) => {
        unsubscribe();
        cancelTimer?.();
        signal?.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve();
      };
      const onAbort = () => settle(CutpointError.aborted(signal));
      const unsubscribe = this.events.on('state', ({ state }) => {
        if (state === 'online') settle();
        if (state === 'closed') settle(CutpointError.closed('connection'));
      });
      const cancelTimer =
        timeoutMs === undefined ? undefined : this.#options.clock.after(timeoutMs, () => settle(this.#unreachable()));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Holds a place in the edge's queue for the request of this tail; `undefined` when offline or without room. */
  reserve(tail: ReservedTail): Reservation | undefined {
    return this.#exchange?.reserve(tail);
  }

  /** Rejects at once when offline. */
  request(request: TailRequest): Promise<TailReply> {
    if (this.#state.state === 'closed') return Promise.reject(CutpointError.closed('connection'));
    return this.#exchange?.request(request) ?? Promise.reject(this.#unreachable());
  }

  /** Measures the uplink by bytes that nobody needs. Rejects at once when offline, or when the edge takes no such probe. */
  probe(numBytes: number, signal?: AbortSignal): Promise<ProbeReply> {
    return this.#exchange?.probe(numBytes, signal) ?? Promise.reject(this.#unreachable());
  }

  /** Gives the link a shape, or takes it away; requests under way keep the one they had, unless there is no link any more. */
  shape(shape: LinkShape | undefined): void {
    const wasCutOff = this.#isCutOff;
    this.#isCutOff = shape?.offline === true;
    this.#shaper.set(shape);
    this.#heartbeat?.renew();
    if (this.#isCutOff && this.#socket) this.#lost(TAKEN_AWAY);
    // As when the browser says that it is online again.
    if (wasCutOff && !this.#isCutOff) this.retryNow();
  }

  /** Tries again now instead of at the end of the wait, for instance because the browser is back online. */
  retryNow(): void {
    if (this.#state.state !== 'offline' || this.#socket) return;
    this.#dial();
  }

  close(): void {
    if (this.#state.state === 'closed') return;
    this.#drop(NORMAL_CLOSE, CutpointError.closed());
    this.#setState({ state: 'closed', reason: 'closed by the page' });
    this.events.clear();
  }

  #unreachable(): CutpointError {
    return new CutpointError(
      'edge_unreachable',
      `The edge at ${this.#options.url} cannot be reached (${this.#state.reason}).`,
    );
  }

  #dial(): void {
    this.#cancelTimer?.();
    if (this.#isCutOff) {
      this.#lost(TAKEN_AWAY);
      return;
    }
    const { url, token, clock, WebSocket } = this.#options;
    const protocols = token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token];
    let socket: SocketLike;
    try {
      socket = new WebSocket(url, protocols);
    } catch (cause) {
      this.#lost(`the address cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`);
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      const numBytes = typeof data === 'string' ? data.length : data instanceof ArrayBuffer ? data.byteLength : 0;
      this.#shaper.down.push(numBytes, () => {
        if (this.#socket === socket) this.#receive(data);
      });
    };
    // An error says nothing in a browser, and a close always follows.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#lost(reason || (code === 1006 ? 'no connection' : `closed with code ${code}`));
    };
    this.#cancelTimer = clock.after(WELCOME_TIMEOUT_MS, () => this.#lost('the edge did not answer in time'));
  }

  #receive(data: unknown): void {
    this.#heartbeat?.heard();
    if (typeof data !== 'string') {
      const chunk =
        data instanceof ArrayBuffer ? decodeChunk(new Uint8Array(data)) : new Error('a frame of an unknown kind');
      const wrong = chunk instanceof Error ? chunk : this.#exchange?.onChunk(chunk);
      if (wrong) this.#lost(`the edge broke the protocol: ${wrong.message}`);
      return;
    }
    const message = parseEdgeMessage(data);
    if (message instanceof ProtocolError) {
      this.#lost(`the edge broke the protocol: ${message.message}`);
      return;
    }
    switch (message.type) {
      case 'welcome':
        this.#codecs = new Set(message.codecs);
        this.#welcome(message.limits);
        this.#heard(message.load, true);
        return;
      case 'load':
        this.#heard(message.load, this.isIdle);
        return;
      case 'pong':
        this.#heartbeat?.onPong(message.id);
        return;
      case 'error':
        if (message.load) this.#heard(message.load, true);
        if (message.id === null) this.#lost(`${message.code}: ${message.message}`);
        else this.#exchange?.onMessage(message);
        return;
      case 'result':
        // Before the report, which counts it.
        this.events.emit('ownTailMs', message.timings.totalMs - message.timings.queueMs);
        this.#heard(message.load, true);
        this.#exchange?.onMessage(message);
        return;
      case 'probed':
        this.#exchange?.onMessage(message);
    }
  }

  #heard(load: LoadReport, queueIsOfOthers: boolean): void {
    this.events.emit('load', load);
    if (queueIsOfOthers) this.events.emit('queue', load);
  }

  #welcome(limits: ExchangeLimits): void {
    const socket = this.#socket;
    if (!socket || this.#exchange) return;
    this.#cancelTimer?.();
    this.#attempt = 0;
    this.#limits = limits;
    const { clock } = this.#options;
    const sendText = (text: string) => this.#send(socket, text);
    const exchange = new Exchange(
      {
        sendText,
        sendBytes: (frame, owner) => this.#send(socket, frame, owner),
        withdraw: (owner) => this.#shaper.up.withdraw(owner),
      },
      clock,
      limits,
    );
    this.#exchange = exchange;
    this.#heartbeat = new Heartbeat(clock, {
      ping: (id) => sendText(JSON.stringify({ type: 'ping', id })),
      isIdle: () => exchange.isQuiet,
      isSending: () => !this.#shaper.up.isEmpty || socket.bufferedAmount > 0,
      onRoundTrip: (roundTripMs) => this.events.emit('roundTrip', roundTripMs),
      onDead: () => this.#lost('the edge stopped answering'),
    });
    this.#setState({ state: 'online', reason: 'connected' });
  }

  #send(socket: SocketLike, data: string | Uint8Array<ArrayBuffer>, owner?: number): void {
    const numBytes = typeof data === 'string' ? data.length : data.byteLength;
    this.#shaper.up.push(
      numBytes,
      () => {
        if (this.#socket === socket) socket.send(data);
      },
      owner,
    );
  }

  #lost(reason: string): void {
    if (this.#state.state === 'closed') return;
    const retryInMs = retryDelayMs(this.#attempt, this.#options.random);
    this.#attempt += 1;
    // The state comes first, so that whoever handles the failed requests sees that the edge is gone.
    const exchange = this.#detach(reason);
    this.#cancelTimer = this.#options.clock.after(retryInMs, () => this.#dial());
    this.#setState({ state: 'offline', reason, retryInMs });
    exchange?.end(this.#unreachable());
  }

  #drop(code: number, error: CutpointError): void {
    this.#detach(undefined, code)?.end(error);
  }

  #detach(reason: string | undefined, code?: number): Exchange | undefined {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    this.#shaper.clear();
    const socket = this.#socket;
    const exchange = this.#exchange;
    this.#socket = undefined;
    this.#exchange = undefined;
    if (socket) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.onerror = () => {};
      // Browsers take no other codes from a page than 1000 and 3000..4999, and at most 123 bytes of reason.
      socket.close(code ?? 4000, reason?.slice(0, 40));
    }
    return exchange;
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.events.emit('state', state);
  }
}
