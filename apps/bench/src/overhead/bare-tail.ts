import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface BareSetup {
  readonly graphFile: string;
  /** `undefined` for onnxruntime's own options throughout. */
  readonly threads: number | undefined;
  readonly input: string;
  readonly output: string;
  readonly dims: readonly number[];
}

export interface BareRequest {
  readonly data: Float32Array;
}

export interface BareReply {
  /** Of onnxruntime's `run` alone, by the worker's clock. */
  readonly runMs: number;
  readonly output: Float32Array;
}

/** A tail in a worker thread of this process, with the session options of the edge and nothing of the edge. */
export class BareTail implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async open(setup: BareSetup): Promise<BareTail> {
    const worker = new Worker(new URL('./bare-worker.js', import.meta.url), { workerData: setup });
    await once(worker, 'message');
    return new BareTail(worker);
  }

  /** @param data handed over to the worker: unusable afterwards */
  async run(data: Float32Array<ArrayBuffer>): Promise<BareReply> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage({ data } satisfies BareRequest, [data.buffer]);
    const [reply] = (await answered) as [BareReply]; // bare-worker posts nothing else after 'ready'
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
