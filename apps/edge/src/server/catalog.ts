import type { CutTable } from '@cutpoint/protocol';
import type { ModelChange, ModelEntry } from '../models/entry.js';
import type { PreparedModel } from '../prepare/prepared.js';
import { type ObjectKind, ServedVersion } from './served-version.js';

/** The models of this edge; `ModelRepository` is one. */
export interface ModelCatalog {
  list(): readonly ModelEntry[];
  get(name: string): ModelEntry | undefined;
  /** Has a model prepared that is on demand; does nothing for any other. Does not wait for the end of that. */
  want(name: string): Promise<void>;
  /** Has a model served as it is on disk now. @throws ModelError why it is not */
  load(name: string): Promise<void>;
  /** Takes a model out of service. @throws ModelError `unknown_model` */
  unload(name: string): void;
  /** Calls `listener` whenever a model changes; returns its unsubscribe. */
  subscribe(listener: (change: ModelChange) => void): () => void;
  /** A version that is to take another's place does so when `open` has resolved; when that rejects, the other stays. */
  beforeReplacing(open: (next: PreparedModel) => Promise<void>): void;
}

export interface ServedModelsOptions {
  /** So long at most who has an older version may use it. */
  readonly drainMs: number;
  /** Called once for each model that is served for the first time, those that are ready already included. */
  readonly onReady?: (version: ServedVersion) => void;
  /** A version gave way to its successor. */
  readonly onReplaced?: (former: ServedVersion) => void;
  /** Nobody can use a version any more: what only it needs may go. */
  readonly onFree?: (version: ServedVersion) => void;
}

/** Quick answers about what is served: versions and their cuts for requests, files for downloads. */
export class ServedModels {
  readonly catalog: ModelCatalog;
  readonly #options: ServedModelsOptions;
  readonly #current = new Map<string, ServedVersion>();
  /** Given way or removed, and not free yet. */
  readonly #leaving = new Set<ServedVersion>();
  /** Being opened; perhaps they will be served. */
  readonly #coming = new Map<PreparedModel, ServedVersion>();
  readonly #unsubscribe: () => void;

  constructor(catalog: ModelCatalog, options: ServedModelsOptions) {
    this.catalog = catalog;
    this.#options = options;
    const look = (change: ModelChange) => {
      const prepared = 'prepared' in change ? change.prepared : undefined;
      if (prepared === undefined) this.#remove(change.name);
      else if (this.#current.get(change.name)?.prepared !== prepared) this.#serve(change.name, prepared);
    };
    this.#unsubscribe = catalog.subscribe(look);
    for (const entry of catalog.list()) look(entry);
  }

  close(): void {
    this.#unsubscribe();
  }

  readyNames(): readonly string[] {
    return [...this.#current.keys()];
  }

  /** `undefined` unless the model is ready. */
  current(name: string): ServedVersion | undefined {
    return this.#current.get(name);
  }

  /** The version of a model that has this table and still takes requests. */
  withTable(name: string, table: string): ServedVersion | undefined {
    const current = this.#current.get(name);
    if (current?.hasTable(table)) return current;
    for (const version of this.#leaving) {
      if (version.name === name && version.isOpen && version.hasTable(table)) return version;
    }
    return undefined;
  }

  table(sha256: string): CutTable | undefined {
    return this.#holder('table', sha256)?.prepared.tables.get(sha256);
  }

  /** The folder of an object that a served version names. No other file can be asked for. */
  folderOf(kind: ObjectKind, sha256: string): string | undefined {
    return this.#holder(kind, sha256)?.prepared.objectsDir;
  }

  /** Whether any version has this tail. */
  isServed(graphFile: string): boolean {
    for (const version of this.#versions()) if (version.graphFiles.has(graphFile)) return true;
    return false;
  }

  /** Opens a version before it is served; what that takes is kept apart from what is served by nobody. */
  async opening(prepared: PreparedModel, open: (version: ServedVersion) => Promise<void>): Promise<void> {
    const version = new ServedVersion(prepared);
    this.#coming.set(prepared, version);
    try {
      await open(version);
    } finally {
      // By then whoever opened it has begun to serve it, or never will.
      setImmediate(() => {
        this.#coming.delete(prepared);
        if (!this.#isHeld(version)) this.#options.onFree?.(version);
      });
    }
  }

  #serve(name: string, prepared: PreparedModel): void {
    const former = this.#current.get(name);
    // What was opened for it is served.
    const version = this.#coming.get(prepared) ?? new ServedVersion(prepared);
    this.#current.set(name, version);
    if (former === undefined) this.#options.onReady?.(version);
    else {
      this.#leaving.add(former);
      former.drain(this.#options.drainMs, () => this.#left(former));
      this.#options.onReplaced?.(former);
    }
  }

  #remove(name: string): void {
    const version = this.#current.get(name);
    this.#current.delete(name);
    for (const leaving of [version, ...this.#leaving]) {
      if (leaving?.name !== name) continue;
      this.#leaving.add(leaving);
      leaving.close(() => this.#left(leaving));
    }
  }

  #left(version: ServedVersion): void {
    this.#leaving.delete(version);
    this.#options.onFree?.(version);
  }

  /** What two versions share is there for as long as one of them is. */
  #holder(kind: ObjectKind, sha256: string): ServedVersion | undefined {
    for (const version of this.#versions()) if (version.names(kind, sha256)) return version;
    return undefined;
  }

  #isHeld(version: ServedVersion): boolean {
    for (const other of this.#versions()) if (other === version) return true;
    return false;
  }

  /** There are few, so that what each of them has is never put together: that would be done anew with each change. */
  *#versions(): Generator<ServedVersion, void> {
    yield* this.#current.values();
    yield* this.#leaving;
    yield* this.#coming.values();
  }
}
