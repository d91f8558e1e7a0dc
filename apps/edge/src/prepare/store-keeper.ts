import type { ModelEntry } from '../models/entry.js';
import { type Cleared, type ClearOptions, clearStoreIn } from './clear-store.js';
import { objectsOf } from './prepared.js';
import { ObjectStore } from './store.js';

/** Often beside the day that is the least a version can be kept for. */
const TOUCH_EVERY_MS = 3_600_000;
const CLEAR_EVERY_MS = 24 * 3_600_000;
const FIRST_CLEAR_MS = 60_000;

export interface StoreKeeperOptions {
  readonly storeDir: string;
  /** A version that no edge served for so long goes; 0 keeps all. */
  readonly keepMs: number;
  /** The models of this edge. */
  readonly models: () => readonly ModelEntry[];
  /** Reads every record: where others wait for this thread, it is done elsewhere. In this process when left out. */
  readonly clear?: (storeDir: string, options: ClearOptions) => Promise<Cleared>;
  readonly onCleared: (cleared: Cleared) => void;
  readonly onError: (error: unknown) => void;
}

/** Says of what an edge serves that it is in use, and clears away what no edge uses. */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  readonly #store: ObjectStore;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    this.#store = new ObjectStore(options.storeDir);
  }

  /** Begins a while after the start, when models are opened and clients come back. */
  start(): void {
    const look = () => {
      this.look().catch((error: unknown) => this.#options.onError(error));
    };
    this.#timers.push(setInterval(() => void this.touch(), TOUCH_EVERY_MS).unref());
    if (this.#options.keepMs === 0) return;
    this.#timers.push(setTimeout(look, FIRST_CLEAR_MS).unref(), setInterval(look, CLEAR_EVERY_MS).unref());
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** For the other edges that use this store. */
  async touch(): Promise<void> {
    for (const { prepared } of this.#options.models()) {
      for (const table of prepared?.tables.keys() ?? []) await this.#store.touch(table);
    }
  }

  async look(): Promise<void> {
    const { storeDir, keepMs, models, clear = clearStoreIn, onCleared } = this.#options;
    await this.touch();
    const cleared = await clear(storeDir, {
      keepMs,
      models: new Set(models().map(({ name }) => name)),
      inUse: models().flatMap(({ prepared }) => (prepared === undefined ? [] : objectsOf(prepared))),
    });
    if (cleared.records + cleared.objects > 0) onCleared(cleared);
  }
}
