import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InputDims } from '@cutpoint/onnx';
import { ModelRepository } from '../models/repository.js';
import { prepareModel } from '../prepare/prepare.js';
import { planVariants } from '../prepare/variant-plan.js';

export interface NamedModel {
  readonly file: string;
  /** What the command line gave, or the first dimensions that the model's config serves. */
  readonly dims: InputDims;
}

/** A file as it is, or a model of the repository by its name. */
export async function locateModel(
  text: string,
  dims: InputDims,
  folders: { readonly models: string; readonly store: string },
): Promise<NamedModel> {
  if (text.endsWith('.onnx') || text.includes('/') || existsSync(text)) return { file: resolve(text), dims };
  const repository = new ModelRepository({ dir: folders.models, storeDir: folders.store, prepare: prepareModel });
  const { modelFile, config } = await repository.locate(text);
  const [first] = planVariants(config);
  return { file: modelFile, dims: { ...first?.dims, ...dims } };
}
