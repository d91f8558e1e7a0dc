import { DeviceFactorEstimator, type EdgeLoad, EdgeLoadTracker, LinkState } from '@cutpoint/partition';
import type { LoadReport } from '@cutpoint/protocol';
import type { Clock } from './clock.js';
import { BrowserDeviceMemory, type DeviceMemory } from './device/device-memory.js';
import { DeviceTrial } from './device/device-trial.js';
import { mayMeasure } from './device/may-measure.js';
import type { EdgeAccess } from './edge-access.js';
import { HeadStore } from './heads/head-store.js';
import { LinkPace } from './heads/link-pace.js';
import { PackStore } from './heads/pack-store.js';
import type { EdgeHttp } from './http.js';
import { Overlap } from './overlap.js';
import type { DeviceChoice } from './session.js';
import type { EdgeConnection } from './transport/connection.js';
import type { ConnectionEvents } from './transport/connection-events.js';
import { PictureEncoder } from './worker/picture-encoder.js';
import { Runtime } from './worker/runtime.js';
import { spawnWorker } from './worker/spawn-worker.js';

export interface DeviceWish {
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** By whose heads the device is measured. */
  readonly model: string;
}

/** Nobody sees it: there are sessions only when the device is chosen. */
const NOT_CHOSEN: DeviceChoice = { kind: 'wasm', build: 'wasm', threads: 1, reason: 'not chosen yet' };

export interface EdgeParts {
  readonly access: EdgeAccess;
  readonly runtime: Runtime;
  readonly device: DeviceChoice;
  /** Whether and by what the device is measured; absent where the app chose it. */
  readonly measure?: { readonly model: string; readonly memory: DeviceMemory };
}

/** What is learnt of one model at one edge, for all its variants. */
export interface ModelKnowledge {
  readonly load: EdgeLoadTracker;
  readonly device: DeviceFactorEstimator;
}

/** One edge as this page sees it: runtime, weights and all estimates; ends with its access. */
export class SharedEdge {
  readonly access: EdgeAccess;
  readonly link = new LinkState();
  /** Of all inferences of this page with this edge. */
  readonly overlap = new Overlap();
  readonly runtime: Runtime;
  /** Of weights, beside inferences. */
  readonly pace: LinkPace;
  readonly packs: PackStore;
  readonly heads: HeadStore;
  readonly pictures: PictureEncoder;
  device: DeviceChoice;
  readonly #trial: DeviceTrial | undefined;
  readonly #measuredModel: string | undefined;
  readonly #models = new Map<string, ModelKnowledge>();

  constructor({ access, runtime, device, measure }: EdgeParts) {
    this.access = access;
    this.runtime = runtime;
    this.device = device;
    this.pace = new LinkPace(this.clock);
    this.pictures = new PictureEncoder(this.clock);
    this.packs = new PackStore(this.http, this.pace);
    this.heads = new HeadStore(this.packs, runtime);
    access.onEnd = () => this.#close();
    this.link.connected = this.connection.state.state === 'online';
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
        inferences: access.undertakings,
        device: () => this.device,
        isBuilt: (head) => this.heads.get(head.key) === head,
        partsOf: ({ spec }) => this.heads.filesOf(spec),
        mayMeasure,
      });
  }

  /** Made when something first needs more than the way to the edge; begins to choose the device. */
  static on(access: EdgeAccess, { device: wanted, model }: DeviceWish): { edge: SharedEdge; ready: Promise<void> } {
    const memory = wanted === 'auto' ? new BrowserDeviceMemory() : undefined;
    const hints = memory && { remembered: memory.read(model) };
    const { runtime, device } = Runtime.begin(wanted, access.clock, spawnWorker, hints);
    const measure = memory && { measure: { model, memory } };
    const edge = new SharedEdge({ access, runtime, device: NOT_CHOSEN, ...measure });
    const ready = device.then((choice) => {
      edge.device = choice;
    });
    return { edge, ready };
  }

  get clock(): Clock {
    return this.access.clock;
  }

  get http(): EdgeHttp {
    return this.access.http;
  }

  get connection(): EdgeConnection {
    return this.access.connection;
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
      const { lastLoad } = this.access;
      if (lastLoad) {
        const nowMs = this.clock.now();
        known.load.observe(queueOf(lastLoad), nowMs);
        observeLoad(known, model, lastLoad, nowMs);
      }
    }
    return known;
  }

  #close(): void {
    this.#trial?.close();
    this.heads.close();
    this.runtime.close();
    this.pictures.close();
  }

  #onLoad(load: LoadReport): void {
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
