import { DeviceFactorEstimator, type EdgeLoadTracker, type LinkState } from '@cutpoint/partition';
import type { LoadReport } from '@cutpoint/protocol';
import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { BrowserDeviceMemory, type DeviceMemory } from './device/device-memory.js';
import { DeviceTrial } from './device/device-trial.js';
import { mayMeasure } from './device/may-measure.js';
import { EdgeChoice, streamUrl } from './edges/edge-choice.js';
import { EdgeKnowledge } from './edges/edge-knowledge.js';
import { CutpointError, messageOf } from './errors.js';
import { HeadStore } from './heads/head-store.js';
import { LinkPace } from './heads/link-pace.js';
import { PackStore } from './heads/pack-store.js';
import type { EdgeHttp } from './http.js';
import { Overlap } from './overlap.js';
import type { DeviceChoice, LinkShape } from './session.js';
import { EdgeConnection } from './transport/connection.js';
import type { SocketConstructor } from './transport/socket.js';
import { PictureEncoder } from './worker/picture-encoder.js';
import { Runtime } from './worker/runtime.js';
import { spawnWorker } from './worker/spawn-worker.js';

export interface EdgeOptions {
  /** Its addresses, or those of several edges in the order of preference. */
  readonly edges: readonly URL[];
  readonly token: string | undefined;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** By whose heads the device is measured. */
  readonly model: string;
  readonly shape: LinkShape | undefined;
}

/** Nobody sees it: what measures the device is given heads that ran. */
const NOT_CHOSEN: DeviceChoice = { kind: 'wasm', build: 'wasm', threads: 1, reason: 'not chosen yet' };

/** What an edge is made of; `WebSocket` is the browser's own where none is given. */
export interface EdgeParts extends Pick<EdgeOptions, 'edges' | 'token'> {
  /** Asks the edge that is in use first. */
  readonly http: EdgeHttp;
  readonly runtime: Runtime;
  readonly device: DeviceChoice | undefined;
  readonly WebSocket?: SocketConstructor;
  /** Whether and by what the device is measured; absent where the app chose it. */
  readonly measure?: { readonly model: string; readonly memory: DeviceMemory };
}

/** What is learnt of one model at one edge, for all its variants. */
export interface ModelKnowledge {
  readonly load: EdgeLoadTracker;
  readonly device: DeviceFactorEstimator;
}

/** One edge as this page sees it: connection, runtime, weights and all estimates; shared by sessions, counted. */
export class SharedEdge {
  /** Of the edges, which one it is. */
  readonly choice: EdgeChoice;
  readonly clock: Clock = SYSTEM_CLOCK;
  readonly http: EdgeHttp;
  readonly connection: EdgeConnection;
  /** Of all inferences of this page with this edge. */
  readonly overlap = new Overlap();
  readonly runtime: Runtime;
  /** Of weights, beside inferences. */
  readonly pace = new LinkPace(this.clock);
  readonly packs: PackStore;
  readonly heads: HeadStore;
  readonly pictures = new PictureEncoder(this.clock);
  /** Everything that an app waits for, from its call on. */
  readonly undertakings = new Overlap();
  /** Where heads run; `undefined` where nothing here can run any, for which {@link headless} is the reason. */
  device: DeviceChoice | undefined;
  headless: CutpointError | undefined;
  readonly #trial: DeviceTrial | undefined;
  readonly #measuredModel: string | undefined;
  /** By address of the edge. */
  readonly #known = new Map<string, EdgeKnowledge>();
  #now: EdgeKnowledge;
  readonly #devices = new Map<string, DeviceFactorEstimator>();
  #users = 1;

  constructor({ edges, token, http, runtime, device, measure, WebSocket = browserSocket() }: EdgeParts) {
    this.http = http;
    this.#now = this.#knowledgeOfEdge(http.baseUrl);
    this.runtime = runtime;
    this.device = device;
    this.packs = new PackStore(http, this.pace);
    this.heads = new HeadStore(this.packs, runtime);
    this.connection = new EdgeConnection({
      url: streamUrl(http.baseUrl),
      token,
      clock: this.clock,
      random: Math.random,
      WebSocket,
    });
    this.connection.events.on('state', ({ state }) => {
      this.link.connected = state === 'online';
    });
    this.connection.events.on('load', (load) => this.#now.onLoad(load, this.clock.now()));
    this.connection.events.on('queue', (queue) => this.#now.onQueue(queue, this.clock.now()));
    this.connection.events.on('ownTailMs', (serviceMs) => this.#now.onOwnTail(serviceMs, this.clock.now()));
    this.connection.events.on('roundTrip', (ms) => this.link.fixed.observe(ms, this.clock.now()));
    for (const event of ['restarted', 'confirmed'] as const) {
      runtime.events.on(event, (choice) => {
        this.device = choice;
        this.headless = undefined;
      });
    }
    this.#measuredModel = measure?.model;
    this.#trial =
      measure &&
      new DeviceTrial({
        ...measure,
        clock: this.clock,
        runtime,
        inferences: this.undertakings,
        device: () => this.device ?? NOT_CHOSEN,
        isBuilt: (head) => this.heads.get(head.key) === head,
        partsOf: ({ spec }) => this.heads.filesOf(spec),
        mayMeasure,
      });
    this.choice = new EdgeChoice({ edges, http, connection: this.connection, clock: this.clock });
    this.choice.events.on('moved', (edge) => this.#onMoved(edge));
    globalThis.addEventListener?.('online', this.#onBrowserOnline);
  }

  /**
   * Begins to connect, and then to choose the device: it is `ready` when that is chosen or cannot be, whether or not the edge
   * is there.
   */
  static open(
    { edges, token, device: wanted, model, shape }: EdgeOptions,
    http: EdgeHttp,
  ): { edge: SharedEdge; ready: Promise<void> } {
    const memory = wanted === 'auto' ? new BrowserDeviceMemory() : undefined;
    const hints = memory && { remembered: memory.read(model) };
    const { runtime, device } = Runtime.begin(wanted, SYSTEM_CLOCK, spawnWorker, hints);
    const measure = memory && { measure: { model, memory } };
    const edge = new SharedEdge({ edges, token, http, runtime, device: undefined, ...measure });
    edge.setShape(shape);
    edge.connection.open();
    const ready = device.then(
      (choice) => {
        edge.device = choice;
      },
      (cause: unknown) => {
        const message = `Nothing runs heads in this page, so every inference needs an edge: ${messageOf(cause)}`;
        edge.headless = new CutpointError('runtime_failed', message, { cause });
      },
    );
    return { edge, ready };
  }

  /** Of the edge in use. */
  get baseUrl(): URL {
    return this.http.baseUrl;
  }

  get link(): LinkState {
    return this.#now.link;
  }

  get lastLoad(): LoadReport | undefined {
    return this.#now.lastReport;
  }

  /** What measures the device by heads of this model, if any does. */
  trialOf(model: string): DeviceTrial | undefined {
    return model === this.#measuredModel ? this.#trial : undefined;
  }

  knowledgeOf(model: string): ModelKnowledge {
    const device = this.#devices.get(model) ?? new DeviceFactorEstimator();
    this.#devices.set(model, device);
    return { load: this.#now.loadOf(model, this.clock.now()), device };
  }

  setShape(shape: LinkShape | undefined): void {
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
    this.choice.close();
    this.connection.close();
    this.#trial?.close();
    this.heads.close();
    this.runtime.close();
    this.pictures.close();
  }

  readonly #onBrowserOnline = (): void => this.connection.retryNow();

  #knowledgeOfEdge({ href }: URL): EdgeKnowledge {
    const known = this.#known.get(href) ?? new EdgeKnowledge();
    this.#known.set(href, known);
    return known;
  }

  #onMoved(edge: URL): void {
    this.link.connected = false;
    this.#now = this.#knowledgeOfEdge(edge);
  }
}

/** The browser's own class has listeners of wider types than are used here. */
function browserSocket(): SocketConstructor {
  return WebSocket as unknown as SocketConstructor;
}
