import type { Clock } from '../clock.js';
import type { Remembered } from '../device/device-memory.js';
import { isolationLoss } from '../device/threads.js';
import { wordsOf } from '../device/words.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { DeviceChoice } from '../session.js';
import { Backlog } from './backlog.js';
import { Lane, type Losses, type WorkerLike } from './lane.js';
import type { Call, CreateCall, CreateResult, Results, RunCall, RunResult, TensorMessage } from './messages.js';
import { spawnWorker } from './spawn-worker.js';

/** Of one build: one in which heads run, and one in which the next is built meanwhile. */
const MAX_LANES = 2;
/** A worker that lies idle for so long while another one works is closed: only its end gives its memory back. */
export const IDLE_LANE_MS = 60_000;

export interface RuntimeEvents {
  /** A worker is gone, and these heads with it. */
  lost: { readonly reason: string; readonly keys: readonly string[] };
  /** Another worker took its place; heads have to be built again. */
  restarted: DeviceChoice;
  /** Heads stay where they are, and it was measured that this is right. */
  confirmed: DeviceChoice;
  /** These heads share a worker with one that is being built: runs of theirs would wait for it. */
  blocked: readonly string[];
  /** They do not any more. */
  freed: readonly string[];
}

/** What is known before a worker is asked. */
export interface RuntimeHints {
  /** Of WASM, instead of the default. */
  readonly threads?: number | undefined;
  readonly remembered?: Promise<readonly Remembered[]>;
}

/** A worker, and what is in it. */
interface Place {
  readonly lane: Lane;
  /** Runs that it was asked for. */
  readonly runs: Backlog;
  /** Of the heads. */
  readonly keys: Set<string>;
  /** Of those that were there when what is being built was begun. */
  readonly blocked: Set<string>;
  /** Of the build that has no WebGPU, beside others that have it: it runs WASM faster than they do. */
  readonly isPlain: boolean;
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
  readonly #threads: number | undefined;
  #remembered: readonly Remembered[] = [];
  #places: Place[] = [];
  /** Where heads run that can run there. */
  #device: DeviceChoice | undefined;
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  private constructor(
    wanted: 'auto' | 'webgpu' | 'wasm',
    clock: Clock,
    spawn: () => WorkerLike,
    threads: number | undefined,
  ) {
    this.#wanted = wanted;
    this.#clock = clock;
    this.#spawn = spawn;
    this.#threads = threads;
  }

  /** Starts a worker, which chooses the device; loads nothing more. When that fails it is tried again a few times. */
  static begin(
    wanted: 'auto' | 'webgpu' | 'wasm',
    clock: Clock,
    spawn: () => WorkerLike = spawnWorker,
    { threads, remembered }: RuntimeHints = {},
  ): { runtime: Runtime; device: Promise<DeviceChoice> } {
    const runtime = new Runtime(wanted, clock, spawn, threads);
    // Not at once: the start of a worker would hold up what its caller has to begin.
    return { runtime, device: Promise.resolve().then(() => runtime.#choose(remembered)) };
  }

  /** The same, when the device is chosen. Closed when that fails. */
  static async start(...args: Parameters<typeof Runtime.begin>): Promise<{ runtime: Runtime; device: DeviceChoice }> {
    const { runtime, device } = Runtime.begin(...args);
    device.catch(() => runtime.close());
    return { runtime, device: await device };
  }

  /** A head is built beside those that inferences run; the other calls go where their head is. */
  call<C extends Call>(call: C, transfer?: Transferable[], signal?: AbortSignal): Promise<Results[C['type']]>;
  call(call: Call, transfer: Transferable[] = [], signal?: AbortSignal): Promise<Results[keyof Results]> {
    if (this.#closed) return Promise.reject(CutpointError.closed());
    if (call.type === 'create') return this.#create(call, transfer, signal);
    if (call.type === 'load') return this.#through(this.#loaded() ?? this.#stalest(), call, transfer, signal);
    if (call.type === 'probe') return this.#through(this.#stalest(), call, transfer, signal);
    const place = this.#placeOf(call.key);
    if (!place) return Promise.reject(new CutpointError('runtime_failed', `There is no head ${call.key}.`));
    if (call.type === 'release') return this.#release(place, call.key);
    if (!call.isTrial) place.lastRunMs = this.#clock.now();
    return this.#through(place, call, transfer, signal);
  }

  /** {@link call} of a run, with the ms that it waited for other runs in that worker. */
  async run(
    call: RunCall,
    transfer: Transferable[],
    signal: AbortSignal | undefined,
  ): Promise<RunResult & { readonly waitMs: number }> {
    const runs = this.#placeOf(call.key)?.runs ?? new Backlog(this.#clock);
    const { value, waitMs } = await runs.run(call.expectedMs ?? 0, () => this.call(call, transfer, signal));
    return { ...value, waitMs };
  }

  /** ms of runs that one of this head would wait for. */
  aheadMs(key: string): number {
    return this.#placeOf(key)?.runs.aheadMs ?? 0;
  }

  /** A head that WebGPU cannot run, asked for on `wasm`, is built in a worker of the plain build, not where it is now. */
  get hasPlainBuild(): boolean {
    return this.#device?.kind === 'webgpu';
  }

  /** Nothing is asked of any worker. */
  get isIdle(): boolean {
    return this.#places.every(({ lane }) => lane.isIdle);
  }

  /** It was measured that heads should run where they do; `device` is that. */
  confirm(device: DeviceChoice, found: Remembered): void {
    this.#remembered = [found];
    this.events.emit('confirmed', described({ ...device, measured: found.measured }));
  }

  /** Heads run elsewhere from now on: in another worker, because one has one build of onnxruntime-web. */
  move(found: Remembered): void {
    if (this.#closed) return;
    this.#remembered = [found];
    for (const place of this.#places) this.#drop(place, 'heads move to where they were measured to be faster');
    this.#add()
      .lane.choose()
      .then(
        (choice) => this.#onRestarted(choice),
        // It failed, and is replaced.
        () => {},
      );
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    for (const { lane } of this.#places) lane.close();
    this.#places = [];
    this.events.clear();
  }

  async #choose(remembered: RuntimeHints['remembered']): Promise<DeviceChoice> {
    if (this.#closed) throw CutpointError.closed();
    const { lane } = this.#add();
    if (remembered) this.#remembered = await remembered;
    this.#device = described(await lane.choose());
    return this.#device;
  }

  async #create(call: CreateCall, transfer: Transferable[], signal: AbortSignal | undefined): Promise<CreateResult> {
    const isPlain = call.provider === 'wasm' && this.hasPlainBuild;
    const place = (call.isUrgent && this.#loaded()) || this.#placeToBuild(isPlain);
    place.builds += 1;
    for (const key of call.instead ?? []) this.call({ type: 'release', key }).catch(() => {});
    this.#block(place);
    try {
      const created = await this.#through(place, call, transfer, signal);
      const before = this.#placeOf(call.key);
      place.keys.add(call.key);
      // Runs that it was sent end there first.
      if (before && before !== place) this.#release(before, call.key).catch(() => {});
      return created;
    } finally {
      place.builds -= 1;
      place.lastBuildMs = this.#clock.now();
      if (place.builds === 0) this.#free(place);
      this.#sweepLater();
    }
  }

  #block({ keys, blocked }: Place): void {
    const more = [...keys].filter((key) => !blocked.has(key));
    if (more.length === 0) return;
    for (const key of more) blocked.add(key);
    this.events.emit('blocked', more);
  }

  #free({ blocked }: Place): void {
    const freed = [...blocked];
    blocked.clear();
    if (freed.length > 0) this.events.emit('freed', freed);
  }

  #placeOf(key: string): Place | undefined {
    return this.#places.find(({ keys }) => keys.has(key));
  }

  async #release(place: Place, key: string): Promise<null> {
    place.keys.delete(key);
    if (place.keys.size > 0 || place.calls > 0 || place.builds > 0 || this.#places.length === 1) {
      return this.#through(place, { type: 'release', key });
    }
    this.#drop(place, 'empty');
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
  #placeToBuild(isPlain: boolean): Place {
    const same = this.#places.filter((place) => place.isPlain === isPlain);
    if (same.length === 0) return this.#open(isPlain);
    const stalest = this.#stalest(same);
    return lastInUse(stalest) === NEVER || same.length >= MAX_LANES ? stalest : this.#open(isPlain);
  }

  /** The one where onnxruntime-web is that has least to do with builds, if it is in any: nothing is fetched there. */
  #loaded(): Place | undefined {
    const [place] = this.#places
      .filter(({ lane }) => lane.isLoaded)
      .sort((a, b) => a.builds - b.builds || lastInUse(a) - lastInUse(b));
    return place;
  }

  #stalest(places = this.#places): Place {
    const [first = this.#open(), ...others] = places;
    return others.reduce((least, place) => (lastInUse(place) < lastInUse(least) ? place : least), first);
  }

  #open(isPlain = false): Place {
    const place = this.#add(isPlain);
    // Whoever calls it next hears of its failure.
    place.lane.choose().catch(() => {});
    return place;
  }

  #add(isPlain = false): Place {
    const lane = new Lane({
      wanted: isPlain ? 'wasm' : this.#wanted,
      hints: (device) => ({
        ...(this.#threads === undefined ? {} : { threads: this.#threads }),
        ...(device === 'auto' ? { remembered: this.#remembered } : {}),
      }),
      clock: this.#clock,
      spawn: this.#spawn,
      losses: this.#losses,
    });
    const sets = { keys: new Set<string>(), blocked: new Set<string>() };
    const runs = new Backlog(this.#clock);
    const place: Place = { lane, runs, ...sets, isPlain, calls: 0, builds: 0, lastBuildMs: NEVER, lastRunMs: NEVER };
    lane.events.on('lost', (reason) => this.#onLost(place, reason));
    // That a plain one is back changes nothing of where the others run.
    lane.events.on('restarted', (choice) => this.#onRestarted((isPlain && this.#device) || choice));
    this.#places.push(place);
    return place;
  }

  #onRestarted(choice: DeviceChoice): void {
    this.#device = described(choice);
    this.events.emit('restarted', this.#device);
  }

  #onLost({ keys }: Place, reason: string): void {
    const lost = [...keys];
    keys.clear();
    this.events.emit('lost', { reason, keys: lost });
  }

  #drop(place: Place, reason: string): void {
    this.#places = this.#places.filter((other) => other !== place);
    place.lane.close(new CutpointError('runtime_failed', reason));
    if (place.keys.size > 0) this.#onLost(place, reason);
  }

  #sweepLater(): void {
    this.#cancelSweep?.();
    if (this.#closed || this.#places.length === 1) return;
    this.#cancelSweep = this.#clock.after(IDLE_LANE_MS, () => this.#sweep());
  }

  #sweep(): void {
    const newestMs = Math.max(...this.#places.map(lastUsedMs));
    for (const place of this.#places) {
      if (place.calls === 0 && newestMs - lastUsedMs(place) >= IDLE_LANE_MS) this.#drop(place, 'not used for long');
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

/** With what only the page knows, and its words for it. */
function described(choice: DeviceChoice): DeviceChoice {
  const { measured } = choice;
  return { ...choice, ...(measured ? { reason: wordsOf(measured) } : {}), ...isolationLoss() };
}

/** Buffers to hand over rather than copy. */
export function buffersOf(tensors: readonly TensorMessage[]): Transferable[] {
  return tensors.map(({ bytes }) => bytes.buffer);
}
