import { tensorBytes } from '@cutpoint/protocol';
import type { ServedCut } from '../server/served-version.js';
import type { BatchMemory } from './batch-memory.js';
import type { Slowdowns } from './slowdowns.js';
import { TailBatching } from './tail-batching.js';

export interface BatchesOptions {
  /** Requests in one run at most; 1: each runs by itself. */
  readonly maxBatchSize: number;
  readonly memory: Pick<BatchMemory, 'read' | 'write'>;
  /** All was tried of a tail; empty where it does not pay. */
  readonly onFound?: (model: string, slowdowns: Slowdowns) => void;
  /** Something could not be read, written, tried or run; requests run by themselves where that matters. */
  readonly onProblem: (model: string, problem: unknown) => void;
}

/** Which tails can run several requests at once, and whether that pays. */
export class Batches {
  readonly #options: BatchesOptions;
  /** By graph, then by the outputs that are asked for. */
  readonly #tails = new Map<string, Map<string, TailBatching>>();

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** What requests for these outputs of a tail have in common; `undefined` when they can share no run. */
  of(served: ServedCut, outputs: readonly string[]): TailBatching | undefined {
    const { batchGraphFile } = served;
    if (batchGraphFile === undefined || this.#options.maxBatchSize < 2) return undefined;
    const ofGraph = this.#tails.get(batchGraphFile) ?? new Map<string, TailBatching>();
    this.#tails.set(batchGraphFile, ofGraph);
    const key = JSON.stringify(outputs);
    const known = ofGraph.get(key);
    if (known !== undefined) {
      known.served = served;
      return known;
    }
    const inputBytes = served.crossing.reduce((sum, { type, dims }) => sum + tensorBytes(type, dims), 0);
    const batching = new TailBatching(served, inputBytes, this.#options.maxBatchSize);
    ofGraph.set(key, batching);
    void this.#recall(batching);
    return batching;
  }

  /** A tail that has something to be found out. */
  get toTry(): TailBatching | undefined {
    for (const ofGraph of this.#tails.values()) {
      for (const batching of ofGraph.values()) if (batching.nextSize !== undefined) return batching;
    }
    return undefined;
  }

  /** All was tried of a tail: it is remembered. */
  async settled({ served, slowdowns }: TailBatching): Promise<void> {
    this.#options.onFound?.(served.version.name, slowdowns);
    await this.#options.memory.write(served, slowdowns).catch((error: unknown) => this.#problem(served, error));
  }

  /** Requests of this tail could not be run at once, and are not any more. */
  failed(batching: TailBatching, problem: unknown): void {
    batching.giveUp();
    this.#problem(batching.served, problem);
  }

  /** A graph is served no more. */
  forget(batchGraphFile: string): void {
    this.#tails.delete(batchGraphFile);
  }

  async #recall(batching: TailBatching): Promise<void> {
    try {
      batching.remembered(await this.#options.memory.read(batching.served));
    } catch (error) {
      batching.remembered(undefined);
      this.#problem(batching.served, error);
    }
  }

  #problem({ version }: ServedCut, problem: unknown): void {
    this.#options.onProblem(version.name, problem);
  }
}
