import { join } from 'node:path';
import type { Cut, CutTable, TensorInfo } from '@cutpoint/protocol';
import type { ModelEntry } from '../models/repository.js';
import type { Weights } from '../ort/weights.js';
import type { PreparedModel } from '../prepare/prepared.js';

/** The models of this edge; `ModelRepository` is one. */
export interface ModelCatalog {
  list(): readonly ModelEntry[];
  get(name: string): ModelEntry | undefined;
  /** Has a model prepared that is on demand; does nothing for any other. Returns at once. */
  want(name: string): void;
  /** Calls `listener` whenever an entry changes; returns its unsubscribe. */
  subscribe(listener: (entry: ModelEntry) => void): () => void;
}

/** Everything about a cut that running its tail needs. */
export interface ServedCut {
  readonly cut: Cut;
  /** What must be sent, in order. */
  readonly crossing: readonly TensorInfo[];
  /** Absolute path; `undefined` for the local cut, which has nothing to run here. */
  readonly graphFile: string | undefined;
  readonly weights: Weights;
}

export type ObjectKind = 'table' | 'graph' | 'pack';

/** Quick answers about what is ready to be served: cuts for requests, files for downloads. */
export class ServedModels {
  readonly catalog: ModelCatalog;
  readonly #prepared = new Map<string, PreparedModel>();
  /** By table hash, then by cut id. */
  readonly #cuts = new Map<string, ReadonlyMap<number, ServedCut>>();
  readonly #objects: Readonly<Record<ObjectKind, Map<string, string>>> = {
    table: new Map(),
    graph: new Map(),
    pack: new Map(),
  };
  readonly #unsubscribe: () => void;

  /** @param onReady called once for each model that becomes ready, those that are ready already included. */
  constructor(catalog: ModelCatalog, onReady?: (prepared: PreparedModel) => void) {
    this.catalog = catalog;
    const look = ({ name, prepared }: ModelEntry) => {
      if (prepared === undefined || this.#prepared.get(name) === prepared) return;
      this.#prepared.set(name, prepared);
      this.#index(prepared);
      onReady?.(prepared);
    };
    this.#unsubscribe = catalog.subscribe(look);
    for (const entry of catalog.list()) look(entry);
  }

  close(): void {
    this.#unsubscribe();
  }

  readyNames(): readonly string[] {
    return this.catalog.list().flatMap(({ name, prepared }) => (prepared === undefined ? [] : [name]));
  }

  /** `undefined` when the model has no such table, or the table no such cut. */
  cut(prepared: PreparedModel, table: string, id: number): ServedCut | undefined {
    return prepared.tables.has(table) ? this.#cuts.get(table)?.get(id) : undefined;
  }

  /** The folder of an object that a ready model names. No other file can be asked for. */
  folderOf(kind: ObjectKind, sha256: string): string | undefined {
    return this.#objects[kind].get(sha256);
  }

  #index({ manifest, tables, objectsDir, weights }: PreparedModel): void {
    for (const { sha256 } of manifest.packs) this.#objects.pack.set(sha256, objectsDir);
    for (const [sha256, table] of tables) {
      this.#objects.table.set(sha256, objectsDir);
      this.#cuts.set(sha256, servedCuts(table, objectsDir, weights));
      for (const { headGraph, tailGraph } of table.cuts) {
        if (headGraph !== null) this.#objects.graph.set(headGraph, objectsDir);
        if (tailGraph !== null) this.#objects.graph.set(tailGraph, objectsDir);
      }
    }
  }
}

function servedCuts(table: CutTable, objectsDir: string, weights: Weights): ReadonlyMap<number, ServedCut> {
  return new Map(
    table.cuts.map((cut) => {
      const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
      const graphFile = cut.tailGraph === null ? undefined : join(objectsDir, cut.tailGraph);
      return [cut.id, { cut, crossing, graphFile, weights }];
    }),
  );
}
