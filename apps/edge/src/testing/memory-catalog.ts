import type { ModelEntry } from '../models/repository.js';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ModelCatalog } from '../server/catalog.js';

/** A catalogue that a test fills. */
export class MemoryCatalog implements ModelCatalog {
  readonly #entries = new Map<string, ModelEntry>();
  readonly #listeners = new Set<(entry: ModelEntry) => void>();

  constructor(...prepared: readonly PreparedModel[]) {
    for (const model of prepared) this.ready(model);
  }

  list(): readonly ModelEntry[] {
    return [...this.#entries.values()];
  }

  get(name: string): ModelEntry | undefined {
    return this.#entries.get(name);
  }

  want(name: string): void {
    const entry = this.#entries.get(name);
    if (entry?.status === 'on-demand') this.set({ ...entry, status: 'preparing', reason: 'being prepared' });
  }

  subscribe(listener: (entry: ModelEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ready(prepared: PreparedModel): void {
    const { model: name, version, description } = prepared.manifest;
    this.set({ name, version, description, status: 'ready', prepared });
  }

  set(entry: ModelEntry): void {
    this.#entries.set(entry.name, entry);
    for (const listener of this.#listeners) listener(entry);
  }
}
