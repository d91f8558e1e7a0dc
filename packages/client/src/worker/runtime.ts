import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { DeviceChoice } from '../session.js';
import type { AnswerMessage, Call, Results, TensorMessage } from './messages.js';

/** After a lost device WebGPU is tried again this often before heads stay on the CPU. */
const MAX_GPU_LOSSES = 3;
/** The driver comes back in this time after a crash. */
const GPU_RETURN_MS = 1000;

export interface RuntimeEvents {
  /** The worker was replaced: every head is gone and has to be built again. */
  restarted: DeviceChoice;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: CutpointError) => void;
}

/** The page's end of the worker that owns onnxruntime-web. */
export class Runtime {
  readonly events = new Emitter<RuntimeEvents>();
  readonly #clock: Clock;
  readonly #wanted: 'auto' | 'webgpu' | 'wasm';
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;
  #losses = 0;
  #closed = false;

  private constructor(wanted: 'auto' | 'webgpu' | 'wasm', clock: Clock) {
    this.#wanted = wanted;
    this.#clock = clock;
  }

  /** Starts the worker and chooses the device; loads nothing more. */
  static async start(
    wanted: 'auto' | 'webgpu' | 'wasm',
    clock: Clock,
  ): Promise<{ runtime: Runtime; device: DeviceChoice }> {
    const runtime = new Runtime(wanted, clock);
    runtime.#spawn();
    try {
      const device = await runtime.call({ type: 'probe', device: wanted });
      return { runtime, device };
    } catch (error) {
      runtime.close();
      throw error;
    }
  }

  call<C extends Call>(call: C, transfer: Transferable[] = [], signal?: AbortSignal): Promise<Results[C['type']]> {
    const worker = this.#worker;
    if (!worker) {
      return Promise.reject(
        this.#closed ? CutpointError.closed() : new CutpointError('runtime_failed', 'The runtime is starting again.'),
      );
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
          release();
          resolve(value);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      });
      worker.postMessage({ id, call }, transfer);
    });
  }

  close(): void {
    this.#closed = true;
    this.#stop(CutpointError.closed());
    this.events.clear();
  }

  #spawn(): void {
    const worker = new Worker(new URL('./runtime-worker.js', import.meta.url), {
      type: 'module',
      name: 'cutpoint-runtime',
    });
    worker.onmessage = ({ data }: MessageEvent<AnswerMessage>) => this.#onAnswer(data);
    worker.onerror = (event) => {
      event.preventDefault();
      void this.#restart(event.message || 'the worker script could not be loaded');
    };
    this.#worker = worker;
  }

  #onAnswer(answer: AnswerMessage): void {
    if ('deviceLost' in answer) {
      void this.#restart(answer.deviceLost);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    // The worker answers a call with the result of its kind.
    if (answer.ok) waiting.resolve(answer.value as never);
    else waiting.reject(new CutpointError('runtime_failed', `The head cannot run here: ${answer.message}`));
  }

  /**
   * A dead device lives on inside onnxruntime until its last session is released, and a run after the failure may
   * freeze the thread: a fresh worker is the one way back that always works.
   */
  async #restart(reason: string): Promise<void> {
    if (this.#closed || !this.#worker) return;
    this.#stop(new CutpointError('runtime_failed', `The head's runtime failed: ${reason}`));
    this.#losses += 1;
    if (this.#losses > MAX_GPU_LOSSES * 2) return;
    await new Promise<void>((resolve) => this.#clock.after(GPU_RETURN_MS, resolve));
    if (this.#closed) return;
    this.#spawn();
    const device = this.#losses > MAX_GPU_LOSSES ? 'wasm' : this.#wanted;
    try {
      const choice = await this.call({ type: 'probe', device });
      const why =
        device === this.#wanted ? choice.reason : `WebGPU failed ${this.#losses} times; the CPU (WASM) is used.`;
      this.events.emit('restarted', { ...choice, reason: why });
    } catch {
      // The new worker failed as well: its own error handler goes on from there.
    }
  }

  #stop(error: CutpointError): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error);
  }
}

/** Buffers to hand over rather than copy. */
export function buffersOf(tensors: readonly TensorMessage[]): Transferable[] {
  return tensors.map(({ bytes }) => bytes.buffer);
}
