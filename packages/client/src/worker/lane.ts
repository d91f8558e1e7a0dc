import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError, messageOf, orAborted } from '../errors.js';
import type { DeviceChoice } from '../session.js';
import { CALL_LIMITS_MS, CallWatch } from './call-watch.js';
import type { AnswerMessage, Call, CallMessage, CancelMessage, ProbeCall, Results } from './messages.js';
import { ortBuilds } from './ort-files.js';

/** After a lost device WebGPU is tried again this often before heads stay on the CPU. */
const MAX_GPU_LOSSES = 3;
/** And workers are replaced this often in all: what fails for ever must not start for ever. */
const MAX_LOSSES = 6;
/** The driver comes back in this time after a crash. */
const GPU_RETURN_MS = 1000;
/** onnxruntime-web that could not be fetched is tried again after this, and after twice as long each time. */
const FIRST_RELOAD_MS = 500;
const LAST_RELOAD_MS = 60_000;
/** The time that a load may take is doubled so often at most. */
const MAX_LOAD_DOUBLINGS = 3;

export interface LaneEvents {
  /** The worker is gone, and every head with it. */
  lost: string;
  /** Another worker took its place; heads have to be built again. */
  restarted: DeviceChoice;
}

/** The part of a `Worker` that is used here. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<AnswerMessage>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: CallMessage | CancelMessage, transfer?: Transferable[]): void;
  terminate(): void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: CutpointError) => void;
}

type Wanted = ProbeCall['device'];

export interface LaneParts {
  readonly wanted: Wanted;
  /** What the worker is told when it chooses its device. */
  hints(wanted: Wanted): Pick<ProbeCall, 'threads' | 'remembered'>;
  readonly clock: Clock;
  readonly spawn: () => WorkerLike;
  readonly losses: Losses;
}

/** Of all lanes of the page. */
export interface Losses {
  count: number;
  /** Of the last one that counted: a crash of the driver takes all lanes, and is one loss. */
  lastMs: number;
}

/** The page's end of one worker with onnxruntime-web in it, which does one thing at a time. Starts it; loads nothing more. */
export class Lane {
  readonly events = new Emitter<LaneEvents>();
  readonly #wanted: Wanted;
  readonly #hints: LaneParts['hints'];
  readonly #clock: Clock;
  readonly #spawnWorker: () => WorkerLike;
  readonly #losses: Losses;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watch: CallWatch;
  #worker: WorkerLike | undefined;
  /** onnxruntime-web is in this worker: nothing is fetched any more. */
  #isLoaded = false;
  #nextId = 1;
  #failedLoads = 0;
  #closed = false;
  #restarting: Promise<void> | undefined;
  #failure = 'The runtime is not there.';

  constructor({ wanted, hints, clock, spawn, losses }: LaneParts) {
    this.#wanted = wanted;
    this.#hints = hints;
    this.#clock = clock;
    this.#spawnWorker = spawn;
    this.#losses = losses;
    this.#watch = new CallWatch(
      clock,
      (call) => this.#limitMs(call),
      (call, limitMs) => this.#onOverdue(call, limitMs),
    );
    this.#spawn();
  }

  /** There is a worker, and nothing is asked of it. */
  get isIdle(): boolean {
    return this.#worker !== undefined && this.#waiting.size === 0;
  }

  /** onnxruntime-web is in it. */
  get isLoaded(): boolean {
    return this.#worker !== undefined && this.#isLoaded;
  }

  /** Has the worker choose its device; to be called before anything else. */
  async choose(): Promise<DeviceChoice> {
    const { count } = this.#losses;
    const stays = count <= MAX_GPU_LOSSES;
    const device = stays ? this.#wanted : 'wasm';
    const choice = await this.call({ type: 'probe', device, ...this.#hints(device), ort: ortBuilds() });
    return stays ? choice : { ...choice, reason: `WebGPU failed ${count} times, so the CPU is used (WASM).` };
  }

  /** One call at a time runs; the others wait their turn, and while the worker is replaced, for the new one. */
  call<C extends Call>(call: C, transfer: Transferable[] = [], signal?: AbortSignal): Promise<Results[C['type']]> {
    const worker = this.#worker;
    if (!worker) {
      if (this.#closed) return Promise.reject(CutpointError.closed());
      if (!this.#restarting) return Promise.reject(new CutpointError('runtime_failed', this.#failure));
      return orAborted(this.#restarting, signal).then(() => this.call(call, transfer, signal));
    }
    if (signal?.aborted) return Promise.reject(CutpointError.aborted(signal));
    const id = this.#nextId++;
    return new Promise<Results[C['type']]>((resolve, reject) => {
      const onAbort = () => {
        if (!this.#waiting.delete(id)) return;
        worker.postMessage({ id, cancel: true });
        reject(CutpointError.aborted(signal));
      };
      const release = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        resolve: (value) => {
          if (call.type === 'load' || call.type === 'create') {
            this.#isLoaded = true;
            this.#failedLoads = 0;
          }
          release();
          resolve(value);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      });
      worker.postMessage({ id, call }, transfer);
      this.#watch.posted(id, call);
    });
  }

  /** @param error what rejects the calls under way */
  close(error = CutpointError.closed()): void {
    this.#closed = true;
    this.#stop(error);
    this.events.clear();
  }

  #spawn(): void {
    const worker = startOf(this.#spawnWorker);
    this.#isLoaded = false;
    worker.onmessage = ({ data }) => this.#onAnswer(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#replace(event.message || 'the worker script could not be loaded');
    };
    this.#worker = worker;
  }

  #onAnswer(answer: AnswerMessage): void {
    if ('deviceLost' in answer) {
      this.#replace(answer.deviceLost);
      return;
    }
    // The next call begins now, even if nobody waits for this one any more.
    this.#watch.answered(answer.id);
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    // The worker answers a call with the result of its kind.
    if (answer.ok) {
      waiting.resolve(answer.value as never);
    } else if (answer.isUnavailable) {
      waiting.reject(unavailable(answer.message));
      this.#reload(answer.message);
    } else {
      waiting.reject(new CutpointError('runtime_failed', `The head cannot run here: ${answer.message}`));
    }
  }

  #limitMs({ type }: Call): number {
    const ownMs = CALL_LIMITS_MS[type];
    // A link that was too slow for it is given twice the time with each try.
    const loadMs = CALL_LIMITS_MS.load * 2 ** Math.min(this.#failedLoads, MAX_LOAD_DOUBLINGS);
    if (type === 'load') return loadMs;
    // In a fresh worker it loads as well.
    return type === 'create' && !this.#isLoaded ? ownMs + loadMs : ownMs;
  }

  #onOverdue({ type }: Call, limitMs: number): void {
    const what = `no answer to "${type}" within ${Math.round(limitMs / 1000)} s`;
    if (type === 'load') this.#reload(what);
    else this.#replace(what);
  }

  /**
   * A dead device lives on inside onnxruntime until its last session is released, and a run after the failure may
   * freeze the thread: a fresh worker is the one way back that always works.
   */
  #replace(reason: string): void {
    if (this.#closed || !this.#worker) return;
    this.#failure = `The runtime of the head failed: ${reason}`;
    this.#stop(new CutpointError('runtime_failed', this.#failure));
    this.events.emit('lost', reason);
    this.#countLoss();
    if (this.#losses.count <= MAX_LOSSES) this.#restart(GPU_RETURN_MS);
  }

  #countLoss(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#losses.lastMs < GPU_RETURN_MS) return;
    this.#losses.lastMs = nowMs;
    this.#losses.count += 1;
  }

  /** The next call that needs the runtime fetches it again, in a new worker. */
  #reload(reason: string): void {
    if (this.#closed || !this.#worker) return;
    this.#stop(unavailable(reason));
    const delayMs = Math.min(LAST_RELOAD_MS, FIRST_RELOAD_MS * 2 ** this.#failedLoads);
    this.#failedLoads += 1;
    this.#restart(delayMs);
  }

  #restart(delayMs: number): void {
    this.#restarting = new Promise<void>((resolve) => this.#clock.after(delayMs, resolve)).then(() => {
      this.#restarting = undefined;
      if (this.#closed) return;
      this.#spawn();
      // Its own answer comes before that of any other call. If it fails as well it is replaced in its turn.
      this.choose().then(
        (choice) => this.events.emit('restarted', choice),
        () => {},
      );
    });
  }

  #stop(error: CutpointError): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#watch.clear();
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error);
  }
}

/** A page may forbid workers, or a browser have none. */
function startOf(spawn: () => WorkerLike): WorkerLike {
  try {
    return spawn();
  } catch (cause) {
    throw new CutpointError('runtime_failed', `No worker can be started here: ${messageOf(cause)}`, { cause });
  }
}

function unavailable(reason: string): CutpointError {
  return new CutpointError('runtime_unavailable', `onnxruntime-web could not be loaded, and is tried again: ${reason}`);
}
