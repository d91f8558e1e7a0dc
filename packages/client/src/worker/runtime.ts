import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { DeviceChoice } from '../session.js';
import { Lane, type LaneOrder, type WorkerLike } from './lane.js';
import type { CreateCall, CreateResult, Results, RunCall, RunResult, TensorMessage } from './messages.js';
import { SerialQueue } from './serial-queue.js';
import { spawnWorker } from './spawn-worker.js';

/** One in which heads run, and one in which the next is built meanwhile. */
const LANES_PER_DEVICE = 2;
/** A worker that lies idle for so long while another one works is closed: only its end gives its memory back. */
export const IDLE_LANE_MS = 120_000;

/** Where a head runs. Threads matter to WASM alone. */
export type HeadDevice = Pick<DeviceChoice, 'kind' | 'threads'>;

export interface RuntimeEvents {
  /** A worker is gone, and these heads with it. */
  lost: { readonly reason: string; readonly keys: readonly string[] };
  /** Another worker took its place; heads have to be built again. */
  restarted: DeviceChoice;
  /** These heads share a worker with one that is being built, and would wait for it. */
  blocked: readonly string[];
  /** They do not any more. */
  freed: readonly string[];
}

interface Place {
  readonly lane: Lane;
  device: HeadDevice;
  /** Of the heads that are built in it. */
  readonly keys: Set<string>;
  /** Under way. */
  builds: number;
  lastBuildMs: number;
  lastRunMs: number;
}

/**
 * The workers that own onnxruntime-web, each with a wasm module of its own. A module does one thing at a time, and building
 * a head takes it as long as many inferences: so a head is built beside those that run, in another module.
 */
export class Runtime {
  readonly events = new Emitter<RuntimeEvents>();
  /** For what must not run beside others of its kind. */
  readonly trials = new SerialQueue();
  readonly wanted: 'auto' | 'webgpu' | 'wasm';
  readonly #clock: Clock;
  readonly #spawn: () => WorkerLike;
  readonly #losses = { count: 0 };
  readonly #trialLanes = new Set<Lane>();
  #places: Place[] = [];
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  private constructor(wanted: 'auto' | 'webgpu' | 'wasm', clock: Clock, spawn: () => WorkerLike) {
    this.wanted = wanted;
    this.#clock = clock;
    this.#spawn = spawn;
  }

  /** Starts a worker and has it look for devices; loads nothing more. */
  static async start(
    wanted: 'auto' | 'webgpu' | 'wasm',
    clock: Clock,
    spawn: () => WorkerLike = spawnWorker,
  ): Promise<{ runtime: Runtime; device: DeviceChoice }> {
    const runtime = new Runtime(wanted, clock, spawn);
    const lane = runtime.#lane({ device: wanted }, runtime.#losses);
    try {
      const device = await lane.choice;
      runtime.#add(lane, device);
      return { runtime, device };
    } catch (error) {
      lane.close();
      throw error;
    }
  }

  /** Fetches and starts onnxruntime-web where the next head would be built. */
  load(device: HeadDevice): Promise<Results['load']> {
    if (this.#closed) return Promise.reject(CutpointError.closed());
    return this.#placeFor(device).lane.call({ type: 'load' });
  }

  async create(
    call: Omit<CreateCall, 'type' | 'provider'>,
    device: HeadDevice,
    transfer: Transferable[],
  ): Promise<CreateResult> {
    if (this.#closed) throw CutpointError.closed();
    const place = this.#placeFor(device);
    const blocked = [...place.keys];
    place.builds += 1;
    if (blocked.length > 0) this.events.emit('blocked', blocked);
    try {
      const created = await place.lane.call({ type: 'create', provider: device.kind, ...call }, transfer);
      place.keys.add(call.key);
      return created;
    } finally {
      place.builds -= 1;
      place.lastBuildMs = this.#clock.now();
      if (blocked.length > 0 && place.builds === 0) this.events.emit('freed', blocked);
      this.#sweepLater();
    }
  }

  /** @param isTrial it says nothing about which worker is in use */
  run(call: RunCall, signal?: AbortSignal, isTrial = false): Promise<RunResult> {
    if (this.#closed) return Promise.reject(CutpointError.closed());
    const place = this.#placeOf(call.key);
    if (!place) return Promise.reject(new CutpointError('runtime_failed', `There is no head ${call.key}.`));
    if (!isTrial) place.lastRunMs = this.#clock.now();
    return place.lane.call(call, buffersOf(call.feeds), signal);
  }

  async release(key: string): Promise<void> {
    const place = this.#placeOf(key);
    if (!place) return;
    place.keys.delete(key);
    if (this.#isSpare(place)) this.#drop(place);
    else await place.lane.call({ type: 'release', key });
  }

  /** A worker for a trial: its owner closes it. It is not replaced when it fails. */
  trialLane({ kind, threads }: HeadDevice): Lane {
    const lane = this.#lane({ device: kind, threads }, undefined);
    this.#trialLanes.add(lane);
    return lane;
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    for (const { lane } of this.#places) lane.close();
    for (const lane of this.#trialLanes) lane.close();
    this.#places = [];
    this.events.clear();
  }

  #lane(order: LaneOrder, losses: { count: number } | undefined): Lane {
    return new Lane({ order, clock: this.#clock, spawn: this.#spawn, losses });
  }

  #add(lane: Lane, device: HeadDevice): Place {
    const never = Number.NEGATIVE_INFINITY;
    const place: Place = { lane, device, keys: new Set(), builds: 0, lastBuildMs: never, lastRunMs: never };
    lane.events.on('lost', (reason) => {
      const keys = [...place.keys];
      place.keys.clear();
      this.events.emit('lost', { reason, keys });
    });
    lane.events.on('restarted', (choice) => {
      place.device = choice;
      this.events.emit('restarted', choice);
    });
    this.#places.push(place);
    return place;
  }

  #placeOf(key: string): Place | undefined {
    return this.#places.find(({ keys }) => keys.has(key));
  }

  /** Never where inferences ran last: one in which none ran yet, a new one, or the one that they left longest ago. */
  #placeFor(device: HeadDevice): Place {
    const places = this.#places.filter((place) => isSame(place.device, device));
    const [stalest] = places.sort((a, b) => Math.sign(lastInUse(a) - lastInUse(b)) || 0);
    const isFree = stalest && lastInUse(stalest) === Number.NEGATIVE_INFINITY;
    if (stalest && (isFree || places.length >= LANES_PER_DEVICE)) return stalest;
    return this.#add(this.#lane({ device: device.kind, threads: device.threads }, this.#losses), device);
  }

  /** Nothing is in it, and there is another. */
  #isSpare({ keys, builds }: Place): boolean {
    return keys.size === 0 && builds === 0 && this.#places.length > 1;
  }

  #drop(place: Place): void {
    this.#places = this.#places.filter((other) => other !== place);
    place.lane.close();
    const keys = [...place.keys];
    if (keys.length > 0) this.events.emit('lost', { reason: 'not used for long', keys });
  }

  #sweepLater(): void {
    this.#cancelSweep?.();
    if (this.#closed || this.#places.length === 1) return;
    this.#cancelSweep = this.#clock.after(IDLE_LANE_MS, () => this.#sweep());
  }

  #sweep(): void {
    const lastMs = ({ lastRunMs, lastBuildMs }: Place) => Math.max(lastRunMs, lastBuildMs);
    for (const place of this.#places) {
      const others = this.#places.filter((other) => other !== place && isSame(other.device, place.device));
      const newestMs = Math.max(...others.map(lastMs));
      if (place.builds === 0 && newestMs - lastMs(place) >= IDLE_LANE_MS) this.#drop(place);
    }
    this.#sweepLater();
  }
}

/** When an inference last ran what is in it. */
function lastInUse({ keys, lastRunMs }: Place): number {
  return keys.size === 0 ? Number.NEGATIVE_INFINITY : lastRunMs;
}

function isSame(one: HeadDevice, other: HeadDevice): boolean {
  return one.kind === other.kind && (one.kind === 'webgpu' || one.threads === other.threads);
}

/** Buffers to hand over rather than copy. */
export function buffersOf(tensors: readonly TensorMessage[]): Transferable[] {
  return tensors.map(({ bytes }) => bytes.buffer);
}
