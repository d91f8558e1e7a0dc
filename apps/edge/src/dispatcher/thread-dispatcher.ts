import { createRequire } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { ProtocolError } from '@cutpoint/protocol';
import { Piscina, queueOptionsSymbol } from 'piscina';
import type { Weights } from '../ort/weights.js';
import { Affinity } from './affinity.js';
import type {
  Dispatcher,
  OpenTails,
  Provider,
  ProviderFallback,
  ShareWeights,
  TailDescription,
  TailOutcome,
  TailRefusal,
  TailTask,
} from './dispatcher.js';

export interface ThreadDispatcherOptions {
  readonly workers: number;
  /** onnxruntime's threads within one tail. */
  readonly threadsPerWorker: number;
  /** Sessions that each worker keeps. */
  readonly sessionsPerWorker: number;
  /** What the open tails of all workers may hold together, weights that they share not counted. */
  readonly tailMemoryBytes: number;
  /** Where tails are to run, the best first; the CPU where none of them does. */
  readonly providers: readonly Provider[];
  /** `always` and `never` instead of what was timed. */
  readonly shareWeights: ShareWeights;
  /** A provider could not run a tail, which now runs elsewhere. Told once for each provider. */
  readonly onFallback?: (fallback: ProviderFallback) => void;
  /** What the threads run; `@cutpoint/edge/tail-worker` when left out. */
  readonly workerFile?: string;
  /** A worker failed outside of any task; the pool has replaced it. */
  readonly onWorkerError?: (error: unknown) => void;
}

/** What the balancer is told of a task. */
interface Routing {
  readonly graphFile: string;
  /** Warming wants a worker that does not have the session yet. */
  readonly isWarmUp: boolean;
  /** Set by the balancer. */
  worker?: number;
}

/** Runs tails in worker threads of this process, because onnxruntime-node blocks the thread that it runs on. */
export class ThreadDispatcher implements Dispatcher {
  readonly workers: number;
  readonly #pool: Piscina<TailTask, TailOutcome | TailRefusal>;
  readonly #affinity = new Affinity();
  readonly #options: ThreadDispatcherOptions;
  /** By worker, as each said with its last outcome. */
  readonly #open = new Map<number, OpenTails>();
  readonly #told = new Set<Provider>();
  readonly #running = new Set<Promise<unknown>>();
  /** Resolves when the threads have loaded onnxruntime. */
  readonly #loaded: Promise<unknown>;

  constructor(options: ThreadDispatcherOptions) {
    this.workers = options.workers;
    this.#options = options;
    this.#pool = new Piscina({
      filename: options.workerFile ?? createRequire(import.meta.url).resolve('@cutpoint/edge/tail-worker'),
      minThreads: options.workers,
      maxThreads: options.workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      trackUnmanagedFds: false,
      workerData: {
        maxSessions: options.sessionsPerWorker,
        maxBytes: options.tailMemoryBytes / options.workers,
        threads: options.threadsPerWorker,
        providers: [...options.providers],
      },
      loadBalancer: (task, workers) => {
        const routing = routingOf(task);
        const idle = workers.filter((worker) => worker.currentUsage === 0).map((worker) => worker.id);
        const chosen = routing.isWarmUp
          ? (idle.find((id) => !this.#affinity.has(id, routing.graphFile)) ?? idle[0])
          : this.#affinity.choose(idle, routing.graphFile);
        if (chosen === undefined) return null;
        this.#affinity.use(chosen, routing.graphFile);
        routing.worker = chosen;
        return workers.find((worker) => worker.id === chosen) ?? null;
      },
    });
    this.#loaded = Promise.all(this.#pool.threads.map(firstWord));
    this.#pool.on('workerDestroy', ({ id }: { id: number }) => {
      this.#affinity.forget(id);
      this.#open.delete(id);
    });
    this.#pool.on('error', (error: unknown) => options.onWorkerError?.(error));
  }

  /** The threads as they are now, for those who watch over them. */
  get threads(): Piscina['threads'] {
    return this.#pool.threads;
  }

  /** Of all workers. */
  get openTails(): OpenTails {
    let [count, numBytes] = [0, 0];
    for (const open of this.#open.values()) {
      count += open.count;
      numBytes += open.numBytes;
    }
    return { count, numBytes };
  }

  async run(task: TailTask): Promise<TailOutcome> {
    return await this.#post(task, false);
  }

  async warm(tail: TailDescription): Promise<void> {
    const numBytes = tail.inputs.reduce((sum, input) => sum + input.numBytes, 0);
    // One worker after another, so that the others stay free for requests.
    for (let index = 0; index < this.workers; index += 1) {
      await this.#post({ ...tail, payload: new Uint8Array(numBytes) }, true);
    }
  }

  /**
   * Waits for what runs and for what still loads, however long that takes: a thread that is stopped inside onnxruntime
   * takes the whole process down with it.
   */
  async close(): Promise<void> {
    await this.#loaded;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await this.#pool.destroy();
  }

  async #post(task: TailTask, isWarmUp: boolean): Promise<TailOutcome> {
    const routing: Routing = { graphFile: task.graphFile, isWarmUp };
    const routed = { ...task, weights: this.#weightsOf(task), [queueOptionsSymbol]: routing };
    const running = this.#pool.run(routed, { transferList: [task.payload.buffer] });
    this.#running.add(running);
    try {
      const answer = await running;
      if ('badTensors' in answer) throw new ProtocolError('bad_tensors', answer.badTensors);
      if (routing.worker !== undefined) {
        this.#affinity.forget(routing.worker, answer.released);
        this.#open.set(routing.worker, answer.open);
      }
      for (const fallback of answer.fallbacks) this.#tell(fallback);
      return answer;
    } finally {
      this.#running.delete(running);
    }
  }

  #weightsOf({ weights = 'own' }: TailTask): Weights {
    switch (this.#options.shareWeights) {
      case 'measured':
        return weights;
      case 'always':
        return 'mapped-plain';
      case 'never':
        return 'own';
    }
  }

  #tell(fallback: ProviderFallback): void {
    if (this.#told.has(fallback.provider)) return;
    this.#told.add(fallback.provider);
    this.#options.onFallback?.(fallback);
  }
}

/** Piscina's threads say when they have loaded what they run; one that cannot says nothing and ends. */
async function firstWord(thread: Worker): Promise<void> {
  await new Promise<void>((resolve) => {
    thread.once('message', () => resolve());
    thread.once('exit', () => resolve());
  });
}

/** Every task of this pool was posted with its routing; Piscina's types only know that it is some object. */
function routingOf(task: { readonly [queueOptionsSymbol]: object | null }): Routing {
  return task[queueOptionsSymbol] as Routing;
}
