import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { ModelError, type ModelErrorCode } from '../models/error.js';
import type { LocatedModel } from '../models/folder.js';
import type { Cleared, ClearOptions } from './clear-store.js';
import type { HostTaskName, HostTasks } from './host-tasks.js';
import type { PreparedModel, PrepareRequest } from './prepared.js';

type Progress = Parameters<NonNullable<PrepareRequest['onProgress']>>[0];

/** What the host is told. */
export type HostCall =
  | { readonly id: number; readonly name: HostTaskName; readonly task: unknown }
  | { readonly id: number; readonly abort: true };

/** What it says; `result` and `failed` come last. */
export type HostNews =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly failed: { readonly code: ModelErrorCode | undefined; readonly message: string };
    };

/** Characters of what the host said that are told when it dies. */
const LAST_WORDS = 2_000;

interface CallOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Open {
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A small process beside an edge that serves, for what would keep its event loop: hashing and checking files, building networks,
 * reading records, and starting the processes that prepare models. To start one the system copies the page tables of who
 * starts it, and stops all its threads meanwhile: of an edge with some hundred MB that is tens of ms, of this one next to nothing.
 *
 * Make it before the edge grows. One that dies takes what it was at with it, and is started again.
 *
 * @example
 * await using host = new PrepareHost();
 * const repository = new ModelRepository({ dir, storeDir, prepare: host.prepare, locate: host.locate });
 */
export class PrepareHost implements AsyncDisposable {
  readonly #open = new Map<number, Open>();
  #nextId = 0;
  #isClosed = false;
  #child: ChildProcess;

  constructor() {
    this.#child = this.#start();
  }

  /** As `prepareModel` does it. */
  readonly prepare = async ({ onProgress, signal, ...request }: PrepareRequest): Promise<PreparedModel> =>
    await this.#run('prepare', request, { onProgress, signal });

  /** As `ModelFolder.locate` does it. */
  readonly locate = async (task: HostTasks['locate']['task'], signal: AbortSignal | undefined): Promise<LocatedModel> =>
    await this.#run('locate', task, { signal });

  /** As `clearStore` does it. */
  readonly clear = async (storeDir: string, options: ClearOptions): Promise<Cleared> =>
    await this.#run('clear', { ...options, storeDir }, {});

  /** For those who watch over it. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it, and what it is at. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  async #run<K extends HostTaskName>(
    name: K,
    task: HostTasks[K]['task'],
    { onProgress, signal }: CallOptions,
  ): Promise<HostTasks[K]['result']> {
    if (signal?.aborted === true || this.#isClosed) throw new ModelError('aborted', 'it was stopped before it began');
    if (!this.#child.connected) this.#child = this.#start();
    const id = this.#nextId++;
    const abort = () => this.#tell({ id, abort: true });
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        this.#open.set(id, { onProgress, resolve, reject });
        this.#tell({ id, name, task });
      });
      return result as HostTasks[K]['result']; // What the host answers follows from what it is asked.
    } finally {
      this.#open.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  #start(): ChildProcess {
    // By its own package name, because this file also runs from its source, in tests.
    const entry = createRequire(import.meta.url).resolve('@cutpoint/edge/prepare-host');
    const child = fork(entry, {
      execArgv: [],
      // Not this process's own standard error: whoever is started with it makes it wait for its reader, here too.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Maps, and bytes without a detour over text.
      serialization: 'advanced',
    });
    child.on('message', (news: HostNews) => this.#hear(news));
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-LAST_WORDS);
    });
    let isOver = false;
    const over = (reason: string) => {
      if (isOver) return;
      isOver = true;
      for (const { reject } of this.#open.values()) reject(died(reason, this.#isClosed));
    };
    child.once('error', (error) => over(error.message));
    child.once('close', (code, by) => over(`it ended with ${by ?? code}. ${said.trim()}`.trim()));
    return child;
  }

  #tell(call: HostCall): void {
    // Whether it is still there is seen by its end.
    if (this.#child.connected) this.#child.send(call, () => undefined);
  }

  #hear(news: HostNews): void {
    const open = this.#open.get(news.id);
    if (open === undefined) return;
    if ('progress' in news) open.onProgress?.(news.progress);
    else if ('result' in news) open.resolve(news.result);
    else {
      const { code, message } = news.failed;
      open.reject(code === undefined ? new Error(message) : new ModelError(code, message));
    }
  }
}

function died(reason: string, isClosed: boolean): ModelError {
  return isClosed
    ? new ModelError('aborted', 'it was stopped')
    : new ModelError('prepare_crashed', `the process in which models are found and prepared died: ${reason}`);
}
