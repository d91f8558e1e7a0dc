import { resolve } from 'node:path';
import type { PreparedModel, PrepareModel, PrepareRequest } from '../prepare/prepared.js';
import type { ModelConfig } from './config.js';
import { isUnloaded, type ModelChange, type ModelEntry, UNLOADED } from './entry.js';
import { ModelError, messageOf } from './error.js';
import { described, type LocatedModel, ModelFolder, unknownModel, WAITING } from './folder.js';

/** A model on demand that failed is tried again for whoever asks so long afterwards: a disk was full, a package not to be had. */
const RETRY_MS = 60_000;
/** What says that there are no files, rather than that they are wrong. */
const MISSING_CODES: ReadonlySet<string> = new Set(['source_not_fetched', 'source_missing', 'unknown_model']);

export interface RepositoryOptions {
  /** Folder in Triton's layout: `<name>/config.json`, optionally `<name>/<version>/model.onnx`. */
  readonly dir: string;
  readonly storeDir: string;
  readonly prepare: PrepareModel;
  /** Hashes files, installs packages and builds networks: where others wait for this thread, it is done elsewhere. In this process when left out. */
  readonly locate?: LocateModel;
  /** Monotonic, in ms. */
  readonly clock?: () => number;
}

/** As {@link ModelFolder.locate}. */
export type LocateModel = (
  where: { readonly dir: string; readonly storeDir: string; readonly name: string },
  signal: AbortSignal | undefined,
) => Promise<LocatedModel>;

/** Why a model could not be prepared last time, as far as it matters for whether to try again. */
interface Failure {
  readonly atMs: number;
  readonly stamp: string;
}

/**
 * The models of one folder and what is known of each. One that fails takes no other down, nor its own version that is served.
 *
 * @example
 * const repository = new ModelRepository({ dir: 'models', storeDir: '.cutpoint', prepare: prepareModel });
 * await repository.scan();
 * repository.subscribe((change) => log.info(change));
 * await repository.prepareAll();
 * repository.get('ppocr-det')?.prepared;
 */
export class ModelRepository {
  readonly dir: string;
  readonly storeDir: string;
  readonly #folder: ModelFolder;
  readonly #prepare: PrepareModel;
  readonly #locate: LocateModel;
  readonly #clock: () => number;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #failures = new Map<string, Failure>();
  readonly #listeners = new Set<(change: ModelChange) => void>();
  readonly #stopped = new AbortController();
  /** Of what is being prepared now, by name. */
  readonly #work = new Map<string, AbortController>();
  /** What is being prepared or waits for it: one after another, since preparing times the network. */
  #queue: Promise<unknown> = Promise.resolve();
  #open: (next: PreparedModel) => Promise<void> = async () => undefined;

  constructor(options: RepositoryOptions) {
    this.dir = resolve(options.dir);
    this.storeDir = resolve(options.storeDir);
    this.#folder = new ModelFolder(this.dir, this.storeDir);
    this.#prepare = options.prepare;
    this.#locate = options.locate ?? (async ({ name }, signal) => await this.#folder.locate(name, signal));
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** Every model that was found, by name. */
  list(): readonly ModelEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): ModelEntry | undefined {
    return this.#entries.get(name);
  }

  /** Calls `listener` whenever a model changes; returns its unsubscribe. */
  subscribe(listener: (change: ModelChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A version that is to take another's place does so when `open` has resolved; when that rejects, the other stays. */
  beforeReplacing(open: (next: PreparedModel) => Promise<void>): void {
    this.#open = open;
  }

  /** Looks which models there are. One whose folder is gone goes; what is known of the others stays. */
  async scan(): Promise<readonly ModelEntry[]> {
    const names = await this.#folder.names();
    for (const name of this.#entries.keys()) if (!names.includes(name)) this.#remove(name);
    for (const name of names) if (!this.#entries.has(name)) this.#set(await this.#folder.found(name));
    return this.list();
  }

  /** Prepares all that nobody has to ask for, one after another. Never rejects but for an abort. */
  async prepareAll(signal?: AbortSignal): Promise<void> {
    for (const { name, status } of this.list()) {
      if (status === 'ready' || status === 'on-demand') continue;
      await this.#inTurn(name, signal).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }

  /**
   * Makes what is served what is in the folder: models that came are prepared, those that changed are prepared beside the
   * version that is served, which then gives way, those that are gone go. Those that failed are tried again. What was unloaded stays so.
   * @throws ModelError when the folder itself cannot be read; nothing has changed then
   */
  async refresh(): Promise<void> {
    await this.#folder.mustBeThere();
    await this.scan();
    for (const entry of this.list()) {
      const { name, status, onDemand } = entry;
      if (isUnloaded(entry) || (onDemand === true && status === 'preparing')) continue;
      if (onDemand === true && status !== 'ready') {
        const found = await this.#folder.found(name);
        this.#set(found);
        if (found.status === 'on-demand') continue;
      }
      await this.#inTurn(name, this.#stopped.signal).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
    }
  }

  /**
   * Has one model served as it is in the folder now, whether it is new, changed, failed, unloaded or on demand.
   * @throws ModelError why it is not, `unknown_model` among others; a version that was served before is served on
   */
  async load(name: string): Promise<void> {
    await this.config(name).catch((error: unknown) => {
      if (error instanceof ModelError && (error.code === 'unknown_model' || error.code === 'bad_name')) throw error;
      // What else is wrong with it is said of the model.
    });
    const entry = this.#entries.get(name);
    if (entry?.prepared === undefined)
      this.#set({ ...(await this.#folder.found(name)), status: 'preparing', reason: WAITING });
    await this.#inTurn(name, this.#stopped.signal);
  }

  /**
   * Serves a model no more until it is loaded, or the edge starts anew.
   * @throws ModelError `unknown_model`
   */
  unload(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw unknownModel(name, this.dir, [...this.#entries.keys()]);
    const { prepared: _, progress: __, ...rest } = entry;
    this.#work.get(name)?.abort();
    const reason = 'an operator unloaded it; loading it, or the next start of the edge, serves it again';
    this.#set({ ...rest, status: 'missing', reason, code: UNLOADED });
  }

  /**
   * Somebody asks for a model: one that is on demand is prepared when its turn comes. So is one that failed, when its files
   * changed or some time has passed. Resolves when that is known, not when it is prepared.
   */
  async want(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry?.onDemand !== true || this.#stopped.signal.aborted) return;
    if (entry.status !== 'on-demand' && !(await this.#isWorthAnotherTry(entry))) return;
    // Somebody else may have asked meanwhile.
    if (this.#entries.get(name) !== entry) return;
    const { code: _, ...rest } = entry;
    this.#set({ ...rest, status: 'preparing', reason: WAITING });
    // The entry says how it went.
    void this.#inTurn(name, this.#stopped.signal).catch(() => undefined);
  }

  /** Ends what was wanted; resolves when nothing is being prepared any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#queue;
  }

  /** Prepares one model; its entry says how it goes, also when this rejects. */
  async prepare(name: string, signal?: AbortSignal): Promise<PreparedModel> {
    const work = new AbortController();
    this.#work.set(name, work);
    const either = AbortSignal.any([work.signal, ...(signal === undefined ? [] : [signal])]);
    const before = this.#entries.get(name);
    // It stays what it is until its successor is there.
    const served = before?.prepared === undefined ? undefined : { ...before, prepared: before.prepared };
    let base: Omit<ModelEntry, 'status'> = {
      name,
      version: before?.version ?? '1',
      description: before?.description ?? '',
    };
    const stamp = await this.#folder.stamp(name);
    const tell = (progress?: NonNullable<ModelEntry['progress']>) => {
      if (work.signal.aborted) return;
      const more = progress === undefined ? {} : { progress };
      if (served === undefined) this.#set({ ...base, status: 'preparing', reason: 'being prepared', ...more });
      else if (progress !== undefined)
        this.#set({ ...settled(served), reason: 'its next version is being prepared', progress });
    };
    try {
      const config = await this.config(name);
      base = { ...base, ...described(config) };
      tell();
      const located = await this.locate(name, either);
      base = { ...base, version: located.version };
      const request: PrepareRequest = { ...located, storeDir: this.storeDir, onProgress: tell, signal: either };
      const prepared = await this.#prepare(request);
      const next = served !== undefined && isSame(served.prepared, prepared) ? served.prepared : prepared;
      if (served !== undefined && next !== served.prepared) await this.#open(next);
      if (work.signal.aborted) throw notWanted(name);
      this.#failures.delete(name);
      this.#set({ ...base, status: 'ready', prepared: next });
      return next;
    } catch (error) {
      // Whoever ended it has said what the model is now.
      if (!work.signal.aborted) this.#failed(error, base, { served, stamp });
      throw error;
    } finally {
      if (this.#work.get(name) === work) this.#work.delete(name);
    }
  }

  #failed(
    error: unknown,
    base: Omit<ModelEntry, 'status'>,
    { served, stamp }: { readonly served: ModelEntry | undefined; readonly stamp: string },
  ): void {
    const code = error instanceof ModelError ? error.code : 'prepare_failed';
    if (code === 'aborted') {
      this.#set(served ?? { ...base, status: 'preparing', reason: 'stopped before it was ready' });
      return;
    }
    const reason = messageOf(error);
    if (served !== undefined) {
      this.#set({ ...settled(served), reason: `its next version is not served, this one is: ${reason}`, code });
      return;
    }
    this.#failures.set(base.name, { atMs: this.#clock(), stamp });
    this.#set({ ...base, status: MISSING_CODES.has(code) ? 'missing' : 'failed', reason, code });
  }

  /** @throws ModelError `unknown_model` with the names that there are, `bad_name`, `bad_config`. */
  async config(name: string): Promise<ModelConfig> {
    return await this.#folder.config(name);
  }

  /** Finds the model's file and labels; installs a package or builds a network when its source needs that, downloads nothing else. */
  async locate(name: string, signal?: AbortSignal): Promise<LocatedModel> {
    return await this.#locate({ dir: this.dir, storeDir: this.storeDir, name }, signal);
  }

  async #isWorthAnotherTry(entry: ModelEntry): Promise<boolean> {
    const failure = this.#failures.get(entry.name);
    if (failure === undefined || isUnloaded(entry)) return false;
    if (entry.status !== 'failed' && entry.status !== 'missing') return false;
    return this.#clock() - failure.atMs >= RETRY_MS || (await this.#folder.stamp(entry.name)) !== failure.stamp;
  }

  /** Prepares a model when its turn comes, if it is to be served by then. */
  async #inTurn(name: string, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#queue.then(async () => {
      const entry = this.#entries.get(name);
      if (entry === undefined || isUnloaded(entry)) throw notWanted(name);
      await this.prepare(name, signal);
    });
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  #remove(name: string): void {
    this.#work.get(name)?.abort();
    this.#entries.delete(name);
    this.#failures.delete(name);
    this.#tell({ name, status: 'removed' });
  }

  #set(entry: ModelEntry): void {
    this.#entries.set(entry.name, entry);
    this.#tell(entry);
  }

  #tell(change: ModelChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function notWanted(name: string): ModelError {
  return new ModelError('aborted', `${name} was removed or unloaded before it was ready`);
}

/** A ready model without what was said of its next version. */
function settled({ reason: _, code: __, progress: ___, ...entry }: ModelEntry): ModelEntry {
  return entry;
}

/** A manifest names everything by its hash. */
function isSame(one: PreparedModel, other: PreparedModel): boolean {
  return one.weights === other.weights && JSON.stringify(one.manifest) === JSON.stringify(other.manifest);
}
