import type { TensorHeader } from '@cutpoint/protocol';
import { tensorBytes } from '@cutpoint/protocol';
import type { Dispatcher } from '../dispatcher/dispatcher.js';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServedCut, ServedModels } from './catalog.js';

/** Opens the tails that requests are likely to begin with, one after another in the background. */
export class WarmUp {
  readonly #dispatcher: Dispatcher;
  readonly #models: () => ServedModels;
  readonly #onError: (error: unknown) => void;
  #queue: Promise<void> = Promise.resolve();
  #isStopped = false;
  #pending = 0;

  constructor(dispatcher: Dispatcher, models: () => ServedModels, onError: (error: unknown) => void) {
    this.#dispatcher = dispatcher;
    this.#models = models;
    this.#onError = onError;
  }

  /** Cut 0 of each variant: with no weights on the device yet, that is what a client starts with. */
  add(prepared: PreparedModel): void {
    for (const [sha256, table] of prepared.tables) {
      const first = table.cuts.find(({ tailGraph }) => tailGraph !== null);
      if (first === undefined) continue;
      this.#pending += 1;
      this.#queue = this.#queue.then(async () => {
        const served = this.#models().cut(prepared, sha256, first.id);
        if (served !== undefined) await this.#warm(served);
        this.#pending -= 1;
      });
    }
  }

  /** Everything that was added is warm, or could not be opened. */
  get isSettled(): boolean {
    return this.#pending === 0;
  }

  /** Resolves when everything that was added is warm. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #warm({ cut, crossing, graphFile, weights }: ServedCut): Promise<void> {
    if (this.#isStopped || graphFile === undefined) return;
    const inputs = crossing.map(
      (info): TensorHeader => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) }),
    );
    try {
      await this.#dispatcher.warm({ graphFile, inputs, outputs: cut.tailOutputs, weights });
    } catch (error) {
      // A request would meet the same error and be told of it.
      if (!this.#isStopped) this.#onError(error);
    }
  }
}
