import { DeviceFactorEstimator, type EdgeLoad, EdgeLoadTracker, LinkState } from '@cutpoint/partition';
import type { LoadReport } from '@cutpoint/protocol';
import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { BrowserDeviceMemory, type DeviceMemory } from './device/device-memory.js';
import { DeviceTrial } from './device/device-trial.js';
import { mayMeasure } from './device/may-measure.js';
import { HeadStore } from './heads/head-store.js';
import { LinkPace } from './heads/link-pace.js';
import { PackStore } from './heads/pack-store.js';
import type { EdgeHttp } from './http.js';
import { Overlap } from './overlap.js';
import type { DeviceChoice, LinkShape } from './session.js';
import { EdgeConnection } from './transport/connection.js';
import type { ConnectionEvents } from './transport/connection-events.js';
import type { SocketConstructor } from './transport/socket.js';
import { PictureEncoder } from './worker/picture-encoder.js';
import { Runtime } from './worker/runtime.js';
import { spawnWorker } from './worker/spawn-worker.js';

export interface EdgeOptions {
  readonly baseUrl: URL;
  readonly token: string | undefined;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** By whose heads the device is measured. */
  readonly model: string;
  readonly shape: LinkShape | undefined;
}

/** Nobody sees it: there are sessions only when the device is chosen. */
const NOT_CHOSEN: DeviceChoice = { kind: 'wasm', build: 'wasm', threads: 1, reason: 'not chosen yet' };

/** What an edge is made of; `WebSocket` is the browser's own where none is given. */
export interface EdgeParts extends Pick<EdgeOptions, 'baseUrl' | 'token'> {
  readonly http: EdgeHttp;
  readonly runtime: Runtime;
  readonly device: DeviceChoice;
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
  readonly baseUrl: URL;
  readonly clock: Clock = SYSTEM_CLOCK;
  readonly http: EdgeHttp;
  readonly connection: EdgeConnection;
  readonly link = new LinkState();
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
  device: DeviceChoice;
  readonly #trial: DeviceTrial | undefined;
  readonly #measuredModel: string | undefined;
  lastLoad: LoadReport | undefined;
  readonly #models = new Map<string, ModelKnowledge>();
  #users = 1;

  constructor({ baseUrl, token, http, runtime, device, measure, WebSocket = browserSocket() }: EdgeParts) {
    this.baseUrl = baseUrl;
    this.http = http;
    this.runtime = runtime;
    this.device = device;
    this.packs = new PackStore(http, this.pace);
    this.heads = new HeadStore(this.packs, runtime);
    this.connection = new EdgeConnection({
      url: streamUrl(baseUrl),
      token,
      clock: this.clock,
      random: Math.random,
      WebSocket,
    });
    this.connection.events.on('state', ({ state }) => {
      this.link.connected = state === 'online';
    });
    this.connection.events.on('load', (load) => this.#onLoad(load));
    this.connection.events.on('queue', (queue) => this.#onQueue(queue));
    this.connection.events.on('ownTailMs', (serviceMs) => this.#onOwnTail(serviceMs));
    this.connection.events.on('roundTrip', (ms) => this.link.fixed.observe(ms, this.clock.now()));
    for (const event of ['restarted', 'confirmed'] as const) {
      runtime.events.on(event, (choice) => {
        this.device = choice;
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
        device: () => this.device,
        isBuilt: (head) => this.heads.get(head.key) === head,
        partsOf: ({ spec }) => this.heads.filesOf(spec),
        mayMeasure,
      });
    globalThis.addEventListener?.('online', this.#onBrowserOnline);
  }

  /**
   * Begins to connect, and then to choose the device: it is `ready` when that is chosen, whether or not the edge is there.
   * Whoever opens it releases it, also when it does not become ready.
   */
  static open(
    { baseUrl, token, device: wanted, model, shape }: EdgeOptions,
    http: EdgeHttp,
  ): { edge: SharedEdge; ready: Promise<void> } {
    const memory = wanted === 'auto' ? new BrowserDeviceMemory() : undefined;
    const hints = memory && { remembered: memory.read(model) };
    const { runtime, device } = Runtime.begin(wanted, SYSTEM_CLOCK, spawnWorker, hints);
    const measure = memory && { measure: { model, memory } };
    const edge = new SharedEdge({ baseUrl, token, http, runtime, device: NOT_CHOSEN, ...measure });
    edge.setShape(shape);
    edge.connection.open();
    const ready = device.then((choice) => {
      edge.device = choice;
    });
    // Nobody waits for it where something else failed before.
    ready.catch(() => {});
    return { edge, ready };
  }

  /** What measures the device by heads of this model, if any does. */
  trialOf(model: string): DeviceTrial | undefined {
    return model === this.#measuredModel ? this.#trial : undefined;
  }

  knowledgeOf(model: string): ModelKnowledge {
    let known = this.#models.get(model);
    if (!known) {
      known = { load: new EdgeLoadTracker(), device: new DeviceFactorEstimator() };
      this.#models.set(model, known);
      if (this.lastLoad) {
        const nowMs = this.clock.now();
        known.load.observe(queueOf(this.lastLoad), nowMs);
        observeLoad(known, model, this.lastLoad, nowMs);
      }
    }
    return known;
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
    this.connection.close();
    this.#trial?.close();
    this.heads.close();
    this.runtime.close();
    this.pictures.close();
  }

  readonly #onBrowserOnline = (): void => this.connection.retryNow();

  #onLoad(load: LoadReport): void {
    this.lastLoad = load;
    const nowMs = this.clock.now();
    for (const [model, known] of this.#models) observeLoad(known, model, load, nowMs);
  }

  #onQueue(queue: ConnectionEvents['queue']): void {
    const nowMs = this.clock.now();
    for (const known of this.#models.values()) known.load.observe(queueOf(queue), nowMs);
  }

  /** Of whatever model: all run on the same workers. */
  #onOwnTail(serviceMs: number): void {
    const nowMs = this.clock.now();
    for (const known of this.#models.values()) known.load.observeOwn(serviceMs, nowMs);
  }
}

/** What of a report is only believed when no work of this page is in it. */
function queueOf({ queueMs, announcedMs }: ConnectionEvents['queue']): EdgeLoad {
  return { queueMs, ...(announcedMs === undefined ? {} : { announcedMs }) };
}

/** All of a report but the queue. */
function observeLoad({ load: tracker }: ModelKnowledge, model: string, load: LoadReport, nowMs: number): void {
  const { busy, residualMs, workers, gpuUtilisation, clients } = load;
  const k = load.k[model];
  const kWithQueue = load.kWithQueue?.[model];
  tracker.observe(
    {
      gpuUtilisation,
      workers,
      ...(k === undefined ? {} : { k }),
      ...(kWithQueue === undefined ? {} : { kWithQueue }),
      ...(busy === undefined ? {} : { busy }),
      ...(residualMs === undefined ? {} : { residualMs }),
      ...(clients === undefined ? {} : { clients }),
    },
    nowMs,
  );
}

/** The browser's own class has listeners of wider types than are used here. */
function browserSocket(): SocketConstructor {
  return WebSocket as unknown as SocketConstructor;
}

function streamUrl(baseUrl: URL): string {
  const url = new URL('v1/stream', baseUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
