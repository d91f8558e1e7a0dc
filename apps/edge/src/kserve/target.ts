import { ProtocolError, type Variant } from '@cutpoint/protocol';
import type { ModelEntry } from '../models/entry.js';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServedModels } from '../server/catalog.js';
import type { ServedCut, ServedVersion } from '../server/served-version.js';
import { type Contract, quoted } from './contract.js';

/** One form of a model, or of a tail of it, that can be asked for. */
export interface Form extends Contract {
  readonly served: ServedCut;
  readonly graphFile: string;
}

/** What the name of a model in an address means. */
export interface Target {
  /** As it was asked for. */
  readonly name: string;
  readonly model: string;
  readonly version: string;
  /** At least one. */
  readonly forms: readonly [Form, ...Form[]];
}

/** `<model>[:<variant>][@<cut>]` */
const NAME = /^([^:@]+)(?::(.+?))?(?:@(\d{1,9}))?$/;

/** A model as the catalogue has it, and which part of it is meant. */
export interface Addressed {
  readonly entry: ModelEntry;
  readonly variant: string | undefined;
  /** 0 is the whole model. */
  readonly cut: number;
}

/** Finds the model that a name is of, whether it is ready or not. */
export function findModel(name: string, version: string | undefined, models: ServedModels): Addressed | ProtocolError {
  const [, model = '', variant, cut] = NAME.exec(name) ?? [];
  const entry = models.catalog.get(model);
  if (entry === undefined) {
    const names = models.catalog.list().map((known) => known.name);
    return new ProtocolError(
      'unknown_model',
      `this edge has no model ${quoted(name)}; it has: ${names.join(', ') || 'none'}`,
    );
  }
  if (version !== undefined && version !== entry.version) {
    return new ProtocolError('unknown_model', `the model ${model} is here in version ${entry.version} only`);
  }
  return { entry, variant, cut: Number(cut ?? 0) };
}

/** Finds what can be asked for under a name; without a variant it is the model as its file has it. */
export function findTarget(name: string, version: string | undefined, models: ServedModels): Target | ProtocolError {
  const found = findModel(name, version, models);
  if (found instanceof ProtocolError) return found;
  const { entry, variant, cut } = found;
  const served = models.current(entry.name);
  if (served === undefined) return new ProtocolError('model_not_ready', notReady(entry));
  const variants = variantsOf(served.prepared, variant);
  if (variants.length === 0) {
    const ids = served.prepared.manifest.variants.map(({ id }) => id);
    return new ProtocolError(
      'unknown_cut',
      `the model ${entry.name} has no variant ${quoted(variant ?? '')}; it has: ${ids.join(', ')}`,
    );
  }
  const [first, ...others] = variants.flatMap((one) => formOf(one, cut, served) ?? []);
  if (first === undefined) {
    return new ProtocolError(
      'unknown_cut',
      `the model ${entry.name} has no tail at cut ${cut}; its cut table lists those that it has`,
    );
  }
  return { name, model: entry.name, version: entry.version, forms: [first, ...others] };
}

/** What keeps a model from being served, in a sentence. */
export function notReady({ name, status, reason }: ModelEntry): string {
  return `the model ${name} is ${status}${reason === undefined ? '' : `: ${reason}`}`;
}

/** By id, or all of a kind. */
function variantsOf({ manifest }: PreparedModel, wanted: string | undefined): readonly Variant[] {
  if (wanted !== undefined) return manifest.variants.filter(({ id, kind }) => id === wanted || kind === wanted);
  const asInFile = manifest.variants.filter(({ kind }) => kind === 'tensors');
  return asInFile.length > 0 ? asInFile : manifest.variants;
}

function formOf({ table, outputs }: Variant, cut: number, version: ServedVersion): Form | undefined {
  const served = version.cut(table, cut);
  if (served?.graphFile === undefined) return undefined;
  return {
    served,
    graphFile: served.graphFile,
    inputs: served.crossing,
    outputs: served.cut.tailOutputs.flatMap((name) => outputs.find((output) => output.name === name) ?? []),
  };
}
