import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { DeviceChoice } from '../session.js';
import { Lane, type Losses, type WorkerLike } from './lane.js';
import type { Call, CreateCall, CreateResult, Results, TensorMessage } from './messages.js';
import { spawnWorker } from './spawn-worker.js';

/** One in which heads run, and one in which the next is built meanwhile. */
const MAX_LANES = 2;
/** A worker that lies idle for so long while another one works is closed: only its end gives its memory back. */
export const IDLE_LANE_MS = 60_000;

export interface RuntimeEvents {
  /** A worker is gone, and these heads with it. */
  lost: { readonly reason: string; readonly keys: readonly string[] };
  /** Another worker took its place; heads have to be built again. */
  restarted: DeviceChoice;
  /** These heads share a worker with one that is being built: runs of theirs would wait for it. */
  blocked: readonly string[];
  /** They do not any more. */
  freed: readonly string[];
}

/** A worker, and what is in it. */
interface Place {
  readonly lane: Lane;
  /** Of the heads. */
  readonly keys: Set<string>;
  /** Calls under way, and those among them that build. */
  calls: number;
  builds: number;
  lastBuildMs: number;
  /** Of an inference. */
  lastRunMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/**
 * The workers that own onnxruntime-web, each with a wasm module of its own. A module does one thing at a time, and building
 * a head takes it as long as many inferences: where inferences run a head, the next one is built in another module.
 */
export class Runtime {
  readonly events = new Emitter<RuntimeEvents>();
  readonly #wanted: 'auto' | 'webgpu' | 'wasm';
  readonly #clock: Clock;
  readonly #spawn: () => WorkerLike;
  readonly #losses: Losses = { count: 0, lastMs: NEVER };
  #places: Place[] = [];
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  private constructor(wanted: 'auto' | 'webgpu' | 'wasm', clock: Clock, spawn: () => WorkerLike) {
    this.#wanted = wanted;
    this.#clock = clock;
    this.#spawn = spawn;
  }

  /** Starts a worker and chooses the device; loads nothing more. */
  static async start(
    wanted: 'auto' | 'webgpu' | 'wasm',
    clock: Clock,
    spawn: () => WorkerLike = spawnWorker,
  ): Promise<{ runtime: Runtime; device: DeviceChoice }> {
    const runtime = new Runtime(wanted, clock, spawn);
    try {
      const device = await runtime.#open().lane.choice;
      return { runtime, device };
    } catch (error) {
      runtime.close();
      throw error;
    }
  }

  /** A head is built beside those that inferences run; the other calls go where their head is. */
  call<C extends Call>(call: C, transfer?: Transferable[], signal?: AbortSignal): Promise<Results[C['type']]>;
  call(call: Call, transfer: Transferable[] = [], signal?: AbortSignal): Promise<Results[keyof Results]> {
    if (this.#closed) return Promise.reject(CutpointError.closed());
    if (call.type === 'create') return this.#create(call, transfer, signal);
    if (call.type === 'load' || call.type === 'probe') return this.#through(this.#stalest(), call, transfer, signal);
    const place = this.#places.find(({ keys }) => keys.has(call.key));
    if (!place) return Promise.reject(new CutpointError('runtime_failed', `There is no head ${call.key}.`));
    if (call.type === 'release') return this.#release(place, call.key);
    if (!call.isTrial) place.lastRunMs = this.#clock.now();
    return this.#through(place, call, transfer, signal);
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    for (const { lane } of this.#places) lane.close();
    this.#places = [];
    this.events.clear();
  }

  async #create(call: CreateCall, transfer: Transferable[], signal: AbortSignal | undefined): Promise<CreateResult> {
    const place = this.#placeToBuild();
    const blocked = [...place.keys];
    place.builds += 1;
    if (blocked.length > 0) this.events.emit('blocked', blocked);
    try {
      const created = await this.#through(place, call, transfer, signal);
      place.keys.add(call.key);
      return created;
    } finally {
      place.builds -= 1;
      place.lastBuildMs = this.#clock.now();
      if (blocked.length > 0 && place.builds === 0) this.events.emit('freed', blocked);
      this.#sweepLater();
    }
  }

  async #release(place: Place, key: string): Promise<null> {
    place.keys.delete(key);
    if (place.keys.size > 0 || place.calls > 0 || this.#places.length === 1) {
      return this.#through(place, { type: 'release', key });
    }
    this.#drop(place);
    return null;
  }

  async #through<C extends Call>(
    place: Place,
    call: C,
    transfer?: Transferable[],
    signal?: AbortSignal,
  ): Promise<Results[C['type']]> {
    place.calls += 1;
    try {
      return await place.lane.call(call, transfer, signal);
    } finally {
      place.calls -= 1;
    }
  }

  /** Never where an inference ran last: one that none runs in, a new one, or the one that they left longest ago. */
  #placeToBuild(): Place {
    const stalest = this.#stalest();
    return lastInUse(stalest) === NEVER || this.#places.length >= MAX_LANES ? stalest : this.#open();
  }

  #stalest(): Place {
    const [first = this.#open(), ...others] = this.#places;
    return others.reduce((least, place) => (lastInUse(place) < lastInUse(least) ? place : least), first);
  }

  #open(): Place {
    const lane = new Lane({
      wanted: this.#wanted,
      clock: this.#clock,
      spawn: this.#spawn,
      losses: this.#losses,
    });
    const place: Place = { lane, keys: new Set(), calls: 0, builds: 0, lastBuildMs: NEVER, lastRunMs: NEVER };
    lane.events.on('lost', (reason) => this.#onLost(place, reason));
    lane.events.on('restarted', (choice) => this.events.emit('restarted', choice));
    this.#places.push(place);
    return place;
  }

  #onLost({ keys }: Place, reason: string): void {
    const lost = [...keys];
    keys.clear();
    this.events.emit('lost', { reason, keys: lost });
  }

  #drop(place: Place): void {
    this.#places = this.#places.filter((other) => other !== place);
    place.lane.close();
    if (place.keys.size > 0) this.#onLost(place, 'not used for long');
  }

  #sweepLater(): void {
    this.#cancelSweep?.();
    if (this.#closed || this.#places.length === 1) return;
    this.#cancelSweep = this.#clock.after(IDLE_LANE_MS, () => this.#sweep());
  }

  #sweep(): void {
    const newestMs = Math.max(...this.#places.map(lastUsedMs));
    for (const place of this.#places) {
      if (place.calls === 0 && newestMs - lastUsedMs(place) >= IDLE_LANE_MS) this.#drop(place);
    }
    this.#sweepLater();
  }
}

/** When an inference last ran what is in it. */
function lastInUse({ keys, lastRunMs }: Place): number {
  return keys.size === 0 ? NEVER : lastRunMs;
}

function lastUsedMs({ lastRunMs, lastBuildMs }: Place): number {
  return Math.max(lastRunMs, lastBuildMs);
}

/** Buffers to hand over rather than copy. */
export function buffersOf(tensors: readonly TensorMessage[]): Transferable[] {
  return tensors.map(({ bytes }) => bytes.buffer);
}
