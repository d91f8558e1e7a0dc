import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InputDims } from '@cutpoint/onnx';
import type { CutTable } from '@cutpoint/protocol';
import { parseNetwork } from '../models/added-source.js';
import { ModelError } from '../models/error.js';
import type { LocatedModel } from '../models/folder.js';
import { networkFile } from '../models/network-source.js';
import { ModelRepository } from '../models/repository.js';
import type { SplitModelOptions } from '../ort/split-model.js';
import { pixelVariant } from '../prepare/build-variant.js';
import { cacheKey, thisMachine } from '../prepare/cache-key.js';
import { prepareModel } from '../prepare/prepare.js';
import { readPrepared } from '../prepare/record.js';
import { ObjectStore } from '../prepare/store.js';
import { type PlannedVariant, planVariants } from '../prepare/variant-plan.js';
import type { ModelArguments } from './inspect-arguments.js';

/** What to open, and how to open it so that its cuts have the numbers that they have on the page. */
export interface NamedModel extends Pick<SplitModelOptions, 'dims' | 'wrap'> {
  readonly file: string;
  /** `undefined` for a file or a benchmark network. */
  readonly served?: ServedModel;
}

export interface ServedModel {
  /** Of the variants that are served; `undefined` for dimensions that are not. */
  readonly variant: string | undefined;
  /** All that are served, in the manifest's order. */
  readonly variants: readonly string[];
  /** The variant as it is served, with its times; `undefined` when it is not prepared yet. */
  readonly table: CutTable | undefined;
}

/**
 * A file or a benchmark network as it is, or a model of the repository by its name: in the variant that is asked for, else in the first of the
 * manifest, else (with dimensions) as it is in the file.
 *
 * @throws ModelError `bad_arguments` naming the variants, and what the repository throws
 */
export async function locateModel(args: ModelArguments): Promise<NamedModel> {
  const { model: text, dims, variant, folders } = args;
  const network = parseNetwork(text);
  if (network === undefined && !isFilePath(text)) return await modelOfRepository(args);
  if (variant !== undefined) {
    throw new ModelError(
      'bad_arguments',
      `--variant ${variant}: ${network === undefined ? 'a file' : text} has none, only a model of the repository has`,
    );
  }
  const file = network === undefined ? resolve(text) : await networkFile(network, { storeDir: resolve(folders.store) });
  return { file, dims };
}

function isFilePath(text: string): boolean {
  return text.endsWith('.onnx') || text.includes('/') || isFile(text);
}

async function modelOfRepository({ model: text, dims, variant, folders }: ModelArguments): Promise<NamedModel> {
  const repository = new ModelRepository({ dir: folders.models, storeDir: folders.store, prepare: prepareModel });
  const located = await repository.locate(text);
  const variants = planVariants(located.config);
  const ids = variants.map(({ id }) => id);
  const chosen = variant === undefined ? undefined : variants.find(({ id }) => id === variant);
  if (variant !== undefined && chosen === undefined) {
    throw new ModelError('bad_arguments', `--variant ${variant}: ${text} is served as ${ids.join(', ')}`);
  }
  if (Object.keys(dims).length === 0) return await served(located, chosen ?? variants[0], repository.storeDir, ids);
  if (chosen) throw new ModelError('bad_arguments', 'a variant has its own dimensions: give --variant or --dims');
  const inFull = withDefaults(dims, variants);
  const same = variants.find((planned) => planned.kind === 'tensors' && isEqual(planned.dims, inFull));
  if (same) return await served(located, same, repository.storeDir, ids);
  return { file: located.modelFile, dims: inFull, served: { variant: undefined, variants: ids, table: undefined } };
}

async function served(
  located: LocatedModel,
  planned: PlannedVariant | undefined,
  storeDir: string,
  variants: readonly string[],
): Promise<NamedModel> {
  return {
    file: located.modelFile,
    dims: planned?.dims ?? {},
    ...(planned?.kind === 'pixels' && { wrap: (model) => pixelVariant(model, located.config, planned).model }),
    served: { variant: planned?.id, variants, table: await preparedTable(located, planned?.id, storeDir) },
  };
}

/** Only looks: preparing takes half a minute, and `inspect` is to answer at once. */
async function preparedTable(
  located: LocatedModel,
  variant: string | undefined,
  storeDir: string,
): Promise<CutTable | undefined> {
  const key = await cacheKey({ ...located, storeDir }, thisMachine());
  const prepared = await readPrepared(new ObjectStore(storeDir), key);
  return [...(prepared?.tables.values() ?? [])].find((table) => table.variant === variant);
}

/** Inputs that the command line does not name keep the dimensions of the first tensors variant. */
function withDefaults(dims: InputDims, variants: readonly PlannedVariant[]): InputDims {
  return { ...variants.find(({ kind }) => kind === 'tensors')?.dims, ...dims };
}

function isEqual(a: InputDims, b: InputDims): boolean {
  const sorted = (dims: InputDims): string => JSON.stringify(Object.entries(dims).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

/** A folder may well have the name of a model: those of `models/` do. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
