import type { TensorHeader } from '@cutpoint/protocol';
import { tensorBytes } from '@cutpoint/protocol';
import type { Dispatcher } from '../dispatcher/dispatcher.js';
import type { ServedCut, ServedVersion } from './served-version.js';

/** Opens the tails that requests are likely to begin with, one after another in the background. */
export class WarmUp {
  readonly #dispatcher: Dispatcher;
  readonly #onError: (error: unknown) => void;
  #queue: Promise<void> = Promise.resolve();
  #isStopped = false;
  #pending = 0;

  constructor(dispatcher: Dispatcher, onError: (error: unknown) => void) {
    this.#dispatcher = dispatcher;
    this.#onError = onError;
  }

  add(version: ServedVersion): void {
    this.#pending += 1;
    this.#queue = this.#queue
      .then(async () => await this.open(version))
      // A request would meet the same error and be told of it.
      .catch((error: unknown) => (this.#isStopped ? undefined : this.#onError(error)))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  /**
   * Opens them now. The other variants are opened also when one cannot be.
   * @throws what the first one said that cannot
   */
  async open(version: ServedVersion): Promise<void> {
    const failures: unknown[] = [];
    for (const served of firstTails(version)) {
      if (this.#isStopped || !version.isOpen) return;
      await this.#warm(served).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
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

  async #warm({ cut, crossing, graphFile, weights, version }: ServedCut): Promise<void> {
    if (graphFile === undefined) return;
    const inputs = crossing.map(
      (info): TensorHeader => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) }),
    );
    const release = version.hold();
    try {
      await this.#dispatcher.warm({ graphFile, inputs, outputs: cut.tailOutputs, weights });
    } finally {
      release();
    }
  }
}

/** Cut 0 of each variant: with no weights on the device yet, that is what a client starts with. */
function firstTails(version: ServedVersion): readonly ServedCut[] {
  return [...version.prepared.tables].flatMap(([sha256, { cuts }]) => {
    const first = cuts.find(({ tailGraph }) => tailGraph !== null);
    return (first && version.cut(sha256, first.id)) ?? [];
  });
}
