import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { jpegFilesIn } from '../prepare/fidelity/calibration-files.js';
import type { PreparedModel, PrepareModel, PrepareRequest } from '../prepare/prepared.js';
import type { ModelConfig } from './config.js';
import { errnoOf, ModelError, messageOf } from './error.js';
import { readLabels } from './labels.js';
import { checkModelName } from './names.js';
import { readConfig } from './read-config.js';
import { locateSource } from './source.js';

const WAITING = 'waiting for its turn';

/** Where a model's files are, on this machine. */
export interface LocatedModel {
  readonly name: string;
  readonly version: string;
  readonly config: ModelConfig;
  readonly modelFile: string;
  readonly labels: readonly string[];
  /** The model's own pictures for trying codecs on: `calibration/*.jpg` beside its config. */
  readonly calibration: readonly string[];
}

/**
 * - `on-demand`: it could be prepared; {@link ModelRepository.want} begins.
 * - `preparing`: known, and not yet to be used; `progress` says how far it is.
 * - `missing`: its files are not here; `reason` says how to get them.
 * - `failed`: it cannot be served; `reason` says why.
 */
export type ModelStatus = 'on-demand' | 'ready' | 'preparing' | 'missing' | 'failed';

export interface ModelEntry {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly status: ModelStatus;
  /** Whether it is prepared only when it is asked for: nobody waits for it before that. */
  readonly onDemand?: boolean;
  /** Whether its weights are random: its answers mean nothing. */
  readonly untrained?: boolean;
  /** In plain words; `undefined` when ready. */
  readonly reason?: string;
  /** {@link ModelError.code} of what is wrong. */
  readonly code?: string;
  readonly progress?: { readonly stage: string; readonly done: number; readonly total: number };
  /** Present if and only if `status` is `ready`. */
  readonly prepared?: PreparedModel;
}

export interface RepositoryOptions {
  /** Folder in Triton's layout: `<name>/config.json`, optionally `<name>/<version>/model.onnx`. */
  readonly dir: string;
  readonly storeDir: string;
  readonly prepare: PrepareModel;
}

/**
 * The models of one folder and what is known of each. One that fails takes no other down.
 *
 * @example
 * const repository = new ModelRepository({ dir: 'models', storeDir: '.cutpoint', prepare: prepareModel });
 * await repository.scan();
 * repository.subscribe((entry) => log.info(entry));
 * await repository.prepareAll();
 * repository.get('ppocr-det')?.prepared;
 */
export class ModelRepository {
  readonly dir: string;
  readonly storeDir: string;
  readonly #prepare: PrepareModel;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #listeners = new Set<(entry: ModelEntry) => void>();
  readonly #stopped = new AbortController();
  /** What is being prepared or waits for it: one after another, since preparing times the network. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: RepositoryOptions) {
    this.dir = resolve(options.dir);
    this.storeDir = resolve(options.storeDir);
    this.#prepare = options.prepare;
  }

  /** Every model that was found, by name. */
  list(): readonly ModelEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): ModelEntry | undefined {
    return this.#entries.get(name);
  }

  /** Calls `listener` whenever an entry changes; returns its unsubscribe. */
  subscribe(listener: (entry: ModelEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks which models there are. A model that is ready already stays so. */
  async scan(): Promise<readonly ModelEntry[]> {
    for (const name of await modelNames(this.dir)) {
      if (this.#entries.has(name)) continue;
      // What is wrong with a config is said when its turn comes.
      const config = await this.config(name).catch(() => undefined);
      const version = String((await highestVersion(join(this.dir, name))) ?? 1);
      const known = { name, version, ...describe(config) };
      this.#set(
        known.onDemand === true
          ? { ...known, status: 'on-demand', reason: 'prepared when it is first asked for' }
          : { ...known, status: 'preparing', reason: WAITING },
      );
    }
    return this.list();
  }

  /** Prepares all that nobody has to ask for, one after another. Never rejects but for an abort. */
  async prepareAll(signal?: AbortSignal): Promise<void> {
    for (const { name, status } of this.list()) {
      if (status === 'ready' || status === 'on-demand') continue;
      await this.#inTurn(() => this.prepare(name, signal)).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }

  /** Somebody asks for a model: one that is on demand is prepared when its turn comes. Returns at once. */
  want(name: string): void {
    const entry = this.#entries.get(name);
    if (entry?.status !== 'on-demand' || this.#stopped.signal.aborted) return;
    this.#set({ ...entry, status: 'preparing', reason: WAITING });
    // The entry says how it went.
    void this.#inTurn(() => this.prepare(name, this.#stopped.signal)).catch(() => undefined);
  }

  /** Ends what was wanted; resolves when nothing is being prepared any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#queue;
  }

  /** Prepares one model; its entry says how it goes, also when this rejects. */
  async prepare(name: string, signal?: AbortSignal): Promise<PreparedModel> {
    const known = this.#entries.get(name);
    let base: Omit<ModelEntry, 'status'> = {
      name,
      version: known?.version ?? '1',
      description: known?.description ?? '',
    };
    try {
      const config = await this.config(name);
      base = { ...base, ...describe(config) };
      this.#set({ ...base, status: 'preparing', reason: 'being prepared' });
      const located = await this.locate(name, signal);
      base = { ...base, version: located.version };
      const request: PrepareRequest = {
        ...located,
        storeDir: this.storeDir,
        onProgress: (progress) => this.#set({ ...base, status: 'preparing', reason: 'being prepared', progress }),
        ...(signal === undefined ? {} : { signal }),
      };
      const prepared = await this.#prepare(request);
      this.#set({ ...base, status: 'ready', prepared });
      return prepared;
    } catch (error) {
      const code = error instanceof ModelError ? error.code : 'prepare_failed';
      if (code === 'aborted') {
        this.#set({ ...base, status: 'preparing', reason: 'stopped before it was ready' });
        throw error;
      }
      const missing = code === 'source_not_fetched' || code === 'source_missing' || code === 'unknown_model';
      this.#set({ ...base, status: missing ? 'missing' : 'failed', reason: messageOf(error), code });
      throw error;
    }
  }

  /** @throws ModelError `unknown_model` with the names that there are, `bad_name`, `bad_config`. */
  async config(name: string): Promise<ModelConfig> {
    const names = await modelNames(this.dir);
    if (!names.includes(checkModelName(name))) {
      throw new ModelError(
        'unknown_model',
        `there is no model ${JSON.stringify(name)} in ${this.dir}; there are: ${names.join(', ') || 'none'}`,
      );
    }
    return await readConfig(join(this.dir, name, 'config.json'));
  }

  /** Finds the model's file and labels; installs a package or builds a network when its source needs that, downloads nothing else. */
  async locate(name: string, signal?: AbortSignal): Promise<LocatedModel> {
    const config = await this.config(name);
    const configDir = join(this.dir, name);
    const context = { configDir, storeDir: this.storeDir, model: name, ...(signal === undefined ? {} : { signal }) };
    const version = await highestVersion(configDir);
    const modelFile =
      version === undefined
        ? await locateSource(config.source, context)
        : join(configDir, String(version), 'model.onnx');
    const labels =
      config.labels === undefined
        ? []
        : await readLabels(await locateSource(config.labels.source, context), config.labels);
    const calibration = await jpegFilesIn(join(configDir, 'calibration'));
    return { name, version: String(version ?? 1), config, modelFile, labels, calibration };
  }

  async #inTurn(work: () => Promise<unknown>): Promise<void> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  #set(entry: ModelEntry): void {
    this.#entries.set(entry.name, entry);
    for (const listener of this.#listeners) listener(entry);
  }
}

/** What an entry says of its config, as long as there is one. */
function describe(config: ModelConfig | undefined): Pick<ModelEntry, 'description' | 'onDemand' | 'untrained'> {
  return {
    description: config?.description ?? '',
    ...(config?.onDemand === true && { onDemand: true }),
    ...(config !== undefined && 'network' in config.source && { untrained: true }),
  };
}

/** Folders with a valid name that hold a `config.json`. */
async function modelNames(dir: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readFolder(dir)) {
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const inside = await readFolder(join(dir, entry.name));
    if (!inside.some((file) => file.name === 'config.json')) continue;
    try {
      names.push(checkModelName(entry.name));
    } catch {
      // A folder with such a name cannot be addressed; `cutpoint add` never makes one.
    }
  }
  return names.sort();
}

/** The highest numeric folder that holds a `model.onnx`. */
export async function highestVersion(configDir: string): Promise<number | undefined> {
  let highest: number | undefined;
  for (const entry of await readFolder(configDir)) {
    if (!/^[1-9]\d*$/.test(entry.name)) continue;
    const inside = await readFolder(join(configDir, entry.name));
    if (!inside.some((file) => file.name === 'model.onnx')) continue;
    highest = Math.max(highest ?? 0, Number(entry.name));
  }
  return highest;
}

async function readFolder(dir: string) {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw new ModelError('store_failed', `${dir} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
