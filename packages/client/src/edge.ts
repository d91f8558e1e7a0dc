import { type Ahead, DeviceFactorEstimator, type EdgeLoadTracker, type LinkState } from '@cutpoint/partition';
import type { Variant } from '@cutpoint/protocol';
import type { Clock } from './clock.js';
import { BrowserDeviceMemory, type DeviceMemory } from './device/device-memory.js';
import { DeviceTrial } from './device/device-trial.js';
import { mayMeasure } from './device/may-measure.js';
import type { EdgeAccess } from './edge-access.js';
import { EdgeKnowledge } from './edges/edge-knowledge.js';
import { CutpointError, messageOf } from './errors.js';
import { HeadStore } from './heads/head-store.js';
import { LinkPace } from './heads/link-pace.js';
import { PackStore } from './heads/pack-store.js';
import type { EdgeHttp } from './http.js';
import { Overlap } from './overlap.js';
import type { DeviceChoice } from './session.js';
import type { EdgeConnection } from './transport/connection.js';
import { Backlog } from './worker/backlog.js';
import { PictureEncoder } from './worker/picture-encoder.js';
import { Runtime } from './worker/runtime.js';
import { spawnWorker } from './worker/spawn-worker.js';

export interface DeviceWish {
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** By whose heads the device is measured. */
  readonly model: string;
}

/** Nobody sees it: what measures the device is given heads that ran. */
const NOT_CHOSEN: DeviceChoice = { kind: 'wasm', build: 'wasm', threads: 1, reason: 'not chosen yet' };

export interface EdgeParts {
  readonly access: EdgeAccess;
  readonly runtime: Runtime;
  readonly device: DeviceChoice | undefined;
  /** Whether and by what the device is measured; absent where the app chose it. */
  readonly measure?: { readonly model: string; readonly memory: DeviceMemory };
}

/** What is learnt of one model at one edge, for all its variants. */
export interface ModelKnowledge {
  readonly load: EdgeLoadTracker;
  readonly device: DeviceFactorEstimator;
}

/** The edge in use as this page sees it: runtime, weights and all estimates; ends with its access. */
export class SharedEdge {
  readonly access: EdgeAccess;
  /** Of all inferences of this page with this edge. */
  readonly overlap = new Overlap();
  readonly runtime: Runtime;
  /** Of weights, beside inferences. */
  readonly pace: LinkPace;
  readonly packs: PackStore;
  readonly heads: HeadStore;
  readonly pictures: PictureEncoder;
  /** That the edge was asked for. */
  readonly tails: Backlog;
  /** Where heads run; `undefined` where nothing here can run any, for which {@link headless} is the reason. */
  device: DeviceChoice | undefined;
  headless: CutpointError | undefined;
  readonly #trial: DeviceTrial | undefined;
  readonly #measuredModel: string | undefined;
  /** By address of the edge. */
  readonly #known = new Map<string, EdgeKnowledge>();
  #now: EdgeKnowledge;
  readonly #devices = new Map<string, DeviceFactorEstimator>();

  constructor({ access, runtime, device, measure }: EdgeParts) {
    this.access = access;
    this.runtime = runtime;
    this.device = device;
    this.pace = new LinkPace(this.clock);
    this.pictures = new PictureEncoder(this.clock);
    this.tails = new Backlog(this.clock);
    this.packs = new PackStore(this.http, this.pace);
    this.heads = new HeadStore(this.packs, runtime);
    access.onEnd = () => this.#close();
    this.#now = this.#knowledgeOfEdge(this.baseUrl);
    this.link.connected = this.connection.state.state === 'online';
    if (access.lastLoad) this.#now.onLoad(access.lastLoad, this.clock.now());
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
        inferences: access.undertakings,
        device: () => this.device ?? NOT_CHOSEN,
        isBuilt: (head) => this.heads.get(head.key) === head,
        partsOf: ({ spec }) => this.heads.filesOf(spec),
        mayMeasure,
      });
    access.choice.events.on('moved', (edge) => this.#onMoved(edge));
  }

  /**
   * Made when something first needs more than the way to the edge. Begins to choose the device: it is `ready` when that is
   * chosen or cannot be.
   */
  static on(access: EdgeAccess, { device: wanted, model }: DeviceWish): { edge: SharedEdge; ready: Promise<void> } {
    const memory = wanted === 'auto' ? new BrowserDeviceMemory() : undefined;
    const hints = memory && { remembered: memory.read(model) };
    const { runtime, device } = Runtime.begin(wanted, access.clock, spawnWorker, hints);
    const measure = memory && { measure: { model, memory } };
    const edge = new SharedEdge({ access, runtime, device: undefined, ...measure });
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

  get clock(): Clock {
    return this.access.clock;
  }

  get http(): EdgeHttp {
    return this.access.http;
  }

  get connection(): EdgeConnection {
    return this.access.connection;
  }

  /** Of the edge in use. */
  get baseUrl(): URL {
    return this.access.baseUrl;
  }

  get link(): LinkState {
    return this.#now.link;
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

  /** What inferences that are under way still need of what a new one of this variant would need. */
  ahead(variant: Variant): Ahead | undefined {
    const workers = this.#now.lastReport?.workers ?? 1;
    const headMs = this.heads.aheadMs(variant);
    const pictureMs = this.pictures.work.aheadMs;
    const tailMs = this.tails.size < workers ? 0 : this.tails.aheadMs / workers;
    return headMs || pictureMs || tailMs ? { headMs, pictureMs, tailMs } : undefined;
  }

  #close(): void {
    this.#trial?.close();
    this.heads.close();
    this.runtime.close();
    this.pictures.close();
  }

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
