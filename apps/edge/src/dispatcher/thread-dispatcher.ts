import { createRequire } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { ProtocolError } from '@cutpoint/protocol';
import { Piscina, queueOptionsSymbol } from 'piscina';
import type { Weights } from '../ort/weights.js';
import { Affinity } from './affinity.js';
import type {
  BatchAnswer,
  BatchOutcome,
  BatchTask,
  Dispatcher,
  OpenTails,
  Provider,
  ProviderFallback,
  Released,
  ReleaseTask,
  SessionNews,
  ShareWeights,
  TailDescription,
  TailOutcome,
  TailRefusal,
  TailTask,
  TrialOutcome,
  TrialTask,
  Turn,
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

/** What is behind something else is copied, to be run elsewhere if the worker goes down with that; more takes too long for it. */
const MAX_BYTES_BEHIND = 1024 * 1024;

/** What the balancer is told of a tail. */
interface Routing extends Turn {
  readonly graphFile: string;
  /** Warming wants a worker that does not have the session yet. */
  readonly isWarmUp: boolean;
  /** Set by the balancer. */
  worker?: number;
  /** Also: that worker is still at what this is behind. */
  isBehind?: boolean;
}

/** Of what one worker has to do, when it has done what it does. */
interface RoutingTo {
  readonly only: number;
}

type Task = TailTask | BatchTask | TrialTask | ReleaseTask;
type Answer = TailOutcome | TailRefusal | BatchAnswer | (TrialOutcome & SessionNews) | Released;

/** Runs tails in worker threads of this process, because onnxruntime-node blocks the thread that it runs on. */
export class ThreadDispatcher implements Dispatcher {
  readonly workers: number;
  readonly #pool: Piscina<Task, Answer>;
  readonly #affinity = new Affinity();
  readonly #options: ThreadDispatcherOptions;
  /** Who is at what, or was last. */
  readonly #turns = new WeakMap<object, number>();
  /** Of these, those that ended well. */
  readonly #ran = new WeakSet<object>();
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
      // What it is at, and what follows that at once; a worker does one after the other.
      concurrentTasksPerWorker: 2,
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
        // Where that worker is gone its sessions are, too.
        if ('only' in routing) return workers.find(({ id }) => id === routing.only) ?? workers[0] ?? null;
        const idle = workers.filter((worker) => worker.currentUsage === 0).map((worker) => worker.id);
        const before = routing.behind && this.#turns.get(routing.behind);
        const followed = workers.find(({ id, currentUsage }) => id === before && currentUsage === 1);
        const chosen = routing.isWarmUp
          ? (idle.find((id) => !this.#affinity.has(id, routing.graphFile)) ?? idle[0])
          : (followed?.id ?? this.#affinity.choose(idle, routing.graphFile));
        if (chosen === undefined) return null;
        if (routing.turn) this.#turns.set(routing.turn, chosen);
        routing.isBehind = chosen === followed?.id;
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

  async run(task: TailTask, { turn, behind }: Turn = {}): Promise<TailOutcome> {
    const { graphFile, payload } = task;
    const kept = behind && payload.byteLength <= MAX_BYTES_BEHIND ? payload.slice() : undefined;
    const routing: Routing = { graphFile, isWarmUp: false, ...(turn && { turn }), ...(kept && { behind }) };
    try {
      const outcome = await this.#post(task, routing);
      if (turn) this.#ran.add(turn);
      return outcome;
    } catch (error) {
      const hasBegun = routing.isBehind !== true || behind === undefined || this.#ran.has(behind);
      if (hasBegun || kept === undefined || error instanceof ProtocolError) throw error;
      return await this.#post({ ...task, payload: kept }, { graphFile, isWarmUp: false, ...(turn && { turn }) });
    }
  }

  async runBatch(task: BatchTask, { turn }: Pick<Turn, 'turn'> = {}): Promise<BatchOutcome> {
    const routing: Routing = { graphFile: task.batchGraphFile, isWarmUp: false, ...(turn && { turn }) };
    const batchWeights = this.#weightsOfBatch();
    const whole = { ...task, weights: this.#weightsOf(task), batchWeights, ...routed(routing) };
    const { members, ...rest } = await this.#run<BatchAnswer>(
      whole,
      task.members.map(({ payload }) => payload.buffer),
    );
    for (const member of members) if ('open' in member) this.#learn(routing, member);
    return { ...rest, outcomes: members.map(asOutcome) };
  }

  async tryBatch(task: TrialTask): Promise<TrialOutcome> {
    const routing: Routing = { graphFile: task.batchGraphFile, isWarmUp: false };
    const outcome = await this.#run<TrialOutcome & SessionNews>({
      ...task,
      weights: this.#weightsOf(task),
      batchWeights: this.#weightsOfBatch(),
      ...routed(routing),
    });
    this.#learn(routing, outcome);
    return outcome;
  }

  async warm(tail: TailDescription): Promise<void> {
    const numBytes = tail.inputs.reduce((sum, input) => sum + input.numBytes, 0);
    // One worker after another, so that the others stay free for requests.
    for (let index = 0; index < this.workers; index += 1) {
      const task = { ...tail, payload: new Uint8Array(numBytes) };
      await this.#post(task, { graphFile: tail.graphFile, isWarmUp: true });
    }
  }

  async keepOnly(isServed: (graphFile: string) => boolean): Promise<void> {
    const letGo = async (worker: number, release: readonly string[]) => {
      if (release.length === 0) return;
      const routing: RoutingTo = { only: worker };
      const { open } = await this.#run<Released>({ release, ...routed(routing) });
      this.#noted(worker, { released: release, open });
    };
    const holders = this.#affinity.holders();
    await Promise.all(
      holders.map(([worker, keys]) =>
        letGo(
          worker,
          keys.filter((key) => !isServed(key)),
        ),
      ),
    );
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

  async #post(task: TailTask, routing: Routing): Promise<TailOutcome> {
    const whole = { ...task, weights: this.#weightsOf(task), ...routed(routing) };
    const answer = await this.#run<TailOutcome | TailRefusal>(whole, [task.payload.buffer]);
    if ('badTensors' in answer) throw new ProtocolError('bad_tensors', answer.badTensors);
    this.#learn(routing, answer);
    return answer;
  }

  #learn({ worker }: Routing, news: SessionNews): void {
    if (worker !== undefined) this.#noted(worker, news);
    for (const fallback of news.fallbacks) this.#tell(fallback);
  }

  /** What a worker answers follows from what it is given. */
  async #run<T extends Answer>(task: Task, transferList: ArrayBuffer[] = []): Promise<T> {
    const running = this.#pool.run(task, { transferList });
    this.#running.add(running);
    try {
      return (await running) as T;
    } finally {
      this.#running.delete(running);
    }
  }

  /** What a worker has now. */
  #noted(worker: number, { released, open }: Released): void {
    this.#affinity.forget(worker, released);
    this.#open.set(worker, open);
  }

  #weightsOf({ weights = 'own' }: Pick<TailTask, 'weights'>): Weights {
    switch (this.#options.shareWeights) {
      case 'measured':
        return weights;
      case 'always':
        return 'mapped-plain';
      case 'never':
        return 'own';
    }
  }

  /** Products of one row read mapped weights as they lie; those of several are only quick with weights laid out for them. */
  #weightsOfBatch(): Weights {
    return this.#options.shareWeights === 'always' ? 'mapped-plain' : 'own';
  }

  #tell(fallback: ProviderFallback): void {
    if (this.#told.has(fallback.provider)) return;
    this.#told.add(fallback.provider);
    this.#options.onFallback?.(fallback);
  }
}

function asOutcome(member: BatchAnswer['members'][number]): BatchOutcome['outcomes'][number] {
  if ('badTensors' in member) return new ProtocolError('bad_tensors', member.badTensors);
  return 'failed' in member ? new Error(member.failed) : member;
}

/** Piscina's threads say when they have loaded what they run; one that cannot says nothing and ends. */
async function firstWord(thread: Worker): Promise<void> {
  await new Promise<void>((resolve) => {
    thread.once('message', () => resolve());
    thread.once('exit', () => resolve());
  });
}

function routed(routing: Routing | RoutingTo) {
  return { [queueOptionsSymbol]: routing };
}

/** Every task of this pool was posted with its routing; Piscina's types only know that it is some object. */
function routingOf(task: { readonly [queueOptionsSymbol]: object | null }): Routing | RoutingTo {
  return task[queueOptionsSymbol] as Routing | RoutingTo;
}
