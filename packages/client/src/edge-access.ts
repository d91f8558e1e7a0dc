import type { LoadReport } from '@cutpoint/protocol';
import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { EdgeChoice, streamUrl } from './edges/edge-choice.js';
import { CutpointError } from './errors.js';
import { FirstEnded } from './first-ended.js';
import { EdgeHttp } from './http.js';
import { Overlap } from './overlap.js';
import type { LinkShape } from './session.js';
import { EdgeConnection } from './transport/connection.js';
import type { SocketConstructor } from './transport/socket.js';

/** How long an inference waits for what went away (the edge, the runtime), when it has no deadline of its own. */
export const GRACE_MS = 15_000;

/** For whoever gets no result because the edge is away. */
const OFFLINE_ADVICE =
  "The weights that would finish it here are not here: run again when the session's state is `online`, or connect with `rescue: 'idle'`.";

/** `WebSocket` is the browser's own where none is given. */
export interface AccessOptions {
  /** Its addresses, or those of several edges in the order of preference. */
  readonly edges: readonly [URL, ...URL[]];
  readonly token: string | undefined;
  readonly WebSocket?: SocketConstructor;
}

/** The way to the edge in use, and nothing of what decides or runs heads; shared by sessions, counted. */
export class EdgeAccess {
  readonly clock: Clock = SYSTEM_CLOCK;
  readonly http: EdgeHttp;
  readonly connection: EdgeConnection;
  /** Of the edges, which one it is. */
  readonly choice: EdgeChoice;
  /** Everything that an app waits for, from its call on. */
  readonly undertakings = new Overlap();
  readonly firstEnded: FirstEnded;
  readonly #life = new AbortController();
  /** Called when nobody uses it any more. */
  onEnd: (() => void) | undefined;
  #lastLoad: LoadReport | undefined;
  #users = 1;

  constructor({ edges, token, WebSocket = browserSocket() }: AccessOptions) {
    const [first] = edges;
    this.http = new EdgeHttp(first, token);
    this.connection = new EdgeConnection({
      url: streamUrl(first),
      token,
      clock: this.clock,
      random: Math.random,
      WebSocket,
    });
    this.firstEnded = new FirstEnded(this.connection, this.clock, this.#life.signal);
    this.connection.events.on('load', (load) => {
      this.#lastLoad = load;
    });
    this.choice = new EdgeChoice({ edges, http: this.http, connection: this.connection, clock: this.clock });
    globalThis.addEventListener?.('online', this.#onBrowserOnline);
  }

  /** Of the edge in use. */
  get baseUrl(): URL {
    return this.http.baseUrl;
  }

  /** What the edge last said of its load. */
  get lastLoad(): LoadReport | undefined {
    return this.#lastLoad;
  }

  /** What to say to somebody whose deadline passed, where the edge has to do with it. */
  get advice(): string | undefined {
    const { state, reason } = this.connection.state;
    return state === 'offline' ? `The edge cannot be reached (${reason}). ${OFFLINE_ADVICE}` : undefined;
  }

  /** Like {@link EdgeConnection.whenOnline}, and says what would have helped. */
  async untilOnline(timeoutMs: number | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.connection.whenOnline(timeoutMs, signal);
    } catch (error) {
      if (!(error instanceof CutpointError) || error.code !== 'edge_unreachable') throw error;
      throw new CutpointError(error.code, `${error.message} ${OFFLINE_ADVICE}`, { cause: error });
    }
  }

  setShape(shape: LinkShape | undefined): void {
    this.http.setOffline(shape?.offline === true);
    this.connection.shape(shape);
  }

  acquire(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    globalThis.removeEventListener?.('online', this.#onBrowserOnline);
    this.#life.abort();
    this.choice.close();
    this.connection.close();
    this.onEnd?.();
  }

  readonly #onBrowserOnline = (): void => this.connection.retryNow();
}

/** The browser's own class has listeners of wider types than are used here. */
function browserSocket(): SocketConstructor {
  return WebSocket as unknown as SocketConstructor;
}
