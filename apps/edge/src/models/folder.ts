import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { jpegFilesIn } from '../prepare/fidelity/calibration-files.js';
import type { ModelConfig } from './config.js';
import type { ModelEntry } from './entry.js';
import { errnoOf, ModelError, messageOf } from './error.js';
import { readLabels } from './labels.js';
import { checkModelName } from './names.js';
import { readConfig } from './read-config.js';
import { downloadPath, locateSource } from './source.js';

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

/** The folder of a repository as it is at the moment at which it is asked. */
export class ModelFolder {
  readonly dir: string;
  readonly #storeDir: string;

  constructor(dir: string, storeDir: string) {
    this.dir = dir;
    this.#storeDir = storeDir;
  }

  async names(): Promise<readonly string[]> {
    return await modelNames(this.dir);
  }

  /** @throws ModelError `store_failed` when there is no such folder: a disk that is not mounted takes no models out of service */
  async mustBeThere(): Promise<void> {
    await stat(this.dir).catch((error) => {
      throw new ModelError('store_failed', `${this.dir} cannot be read: ${messageOf(error)}`, { cause: error });
    });
  }

  /** @throws ModelError `unknown_model` with the names that there are, `bad_name`, `bad_config`. */
  async config(name: string): Promise<ModelConfig> {
    const names = await this.names();
    if (!names.includes(checkModelName(name))) throw unknownModel(name, this.dir, names);
    return await readConfig(join(this.dir, name, 'config.json'));
  }

  /** Finds the model's file and labels; installs a package or builds a network when its source needs that, downloads nothing else. */
  async locate(name: string, signal?: AbortSignal): Promise<LocatedModel> {
    const config = await this.config(name);
    const configDir = join(this.dir, name);
    const context = { configDir, storeDir: this.#storeDir, model: name, ...(signal === undefined ? {} : { signal }) };
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

  /** A model before anything is done with it: what is wrong with its config is said when its turn comes. */
  async found(name: string): Promise<ModelEntry> {
    const config = await this.config(name).catch(() => undefined);
    const version = String((await highestVersion(join(this.dir, name))) ?? 1);
    const known = { name, version, ...described(config) };
    return known.onDemand === true
      ? { ...known, status: 'on-demand', reason: 'prepared when it is first asked for' }
      : { ...known, status: 'preparing', reason: WAITING };
  }

  /** Changes when a model's own files do; they are not read for it. */
  async stamp(name: string): Promise<string> {
    const configDir = join(this.dir, name);
    const config = await this.config(name).catch(() => undefined);
    const files = [join(configDir, 'config.json')];
    const version = await highestVersion(configDir);
    if (version !== undefined) files.push(join(configDir, String(version), 'model.onnx'));
    for (const source of [config?.source, config?.labels?.source]) {
      if (source !== undefined && 'file' in source) files.push(resolve(configDir, source.file));
      if (source !== undefined && 'https' in source) files.push(downloadPath(this.#storeDir, source.sha256));
    }
    const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
    return JSON.stringify(stats.map((info) => info && [info.ino, info.size, info.mtimeMs, info.ctimeMs]));
  }
}

/** Of a model whose turn to be prepared will come. */
export const WAITING = 'waiting for its turn';

/** What an entry says of its config, as long as there is one. */
export function described(config: ModelConfig | undefined): Pick<ModelEntry, 'description' | 'onDemand' | 'untrained'> {
  return {
    description: config?.description ?? '',
    ...(config?.onDemand === true && { onDemand: true }),
    ...(config !== undefined && 'network' in config.source && { untrained: true }),
  };
}

export function unknownModel(name: string, dir: string, names: readonly string[]): ModelError {
  return new ModelError(
    'unknown_model',
    `there is no model ${JSON.stringify(name)} in ${dir}; there are: ${names.join(', ') || 'none'}`,
  );
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
