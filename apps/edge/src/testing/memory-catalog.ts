import type { ModelChange, ModelEntry } from '../models/entry.js';
import { ModelError } from '../models/error.js';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ModelCatalog } from '../server/catalog.js';

/** A catalogue that a test fills. */
export class MemoryCatalog implements ModelCatalog {
  readonly #entries = new Map<string, ModelEntry>();
  readonly #listeners = new Set<(change: ModelChange) => void>();
  #open: (next: PreparedModel) => Promise<void> = async () => undefined;

  constructor(...prepared: readonly PreparedModel[]) {
    for (const model of prepared) this.ready(model);
  }

  list(): readonly ModelEntry[] {
    return [...this.#entries.values()];
  }

  get(name: string): ModelEntry | undefined {
    return this.#entries.get(name);
  }

  async want(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry?.status === 'on-demand') this.set({ ...entry, status: 'preparing', reason: 'being prepared' });
  }

  async load(name: string): Promise<void> {
    if (!this.#entries.has(name)) throw new ModelError('unknown_model', `no ${name}`);
  }

  unload(name: string): void {
    if (!this.#entries.has(name)) throw new ModelError('unknown_model', `no ${name}`);
    this.remove(name);
  }

  beforeReplacing(open: (next: PreparedModel) => Promise<void>): void {
    this.#open = open;
  }

  /** As {@link ready}, when its tails are open. */
  async replace(prepared: PreparedModel): Promise<void> {
    await this.#open(prepared);
    this.ready(prepared);
  }

  remove(name: string): void {
    this.#entries.delete(name);
    for (const listener of this.#listeners) listener({ name, status: 'removed' });
  }

  subscribe(listener: (change: ModelChange) => void): () => void {
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
