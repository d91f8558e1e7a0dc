import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Analysis,
  analyse,
  type CutList,
  decodeModel,
  dynamicInputs,
  fixDims,
  type InputDims,
  listCuts,
  type Model,
  OnnxError,
  type OnnxRuntime,
  optimizeModel,
  PackBuilder,
  type WeightPack,
} from '@cutpoint/onnx';
import { proposedCuts } from '../prepare/proposed-cuts.js';
import { readModelFile } from './model-file.js';
import { createNodeRuntime } from './runtime.js';

/** A model file made ready to be cut, as the edge prepares it, with its packs in a temporary folder. */
export interface SplitModel extends AsyncDisposable {
  /** Optimised, with its weights in packs: small. */
  readonly model: Model;
  readonly analysis: Analysis;
  /** Prefix cuts, proposed ones that are none (their ids are above the local one's), and last the local cut. */
  readonly cuts: CutList;
  readonly packs: readonly WeightPack[];
  /** Where the packs are until disposal, each under its sha256. */
  readonly packsDir: string;
  /** Opens graphs over the packs. */
  readonly runtime: OnnxRuntime;
  /** Why the graph is not optimised; `undefined` when it is. */
  readonly skipped: string | undefined;
}

export interface SplitModelOptions {
  readonly dims: InputDims;
  readonly seed?: number;
  /** Puts nodes around the network, as the edge does for pictures. Dimensions are fixed before. */
  readonly wrap?: (model: Model) => Model;
  readonly onStage?: (stage: string) => void;
}

/** @throws OnnxError what `@cutpoint/onnx` throws, and `dynamic_dims` before anything expensive is done */
export async function openSplitModel(file: string, options: SplitModelOptions): Promise<SplitModel> {
  const packsDir = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  const dispose = (): Promise<void> => rm(packsDir, { recursive: true, force: true });
  try {
    const runtime = createNodeRuntime({ dir: packsDir });
    const packed = await pack(file, options, packsDir, runtime);
    options.onStage?.('learning shapes');
    const analysis = await analyse(packed.model, runtime, { seed: options.seed ?? 1 });
    const list = listCuts(packed.model, analysis);
    const { others } = proposedCuts(packed.model, analysis, list.cuts);
    const cuts = { ...list, cuts: [...list.cuts.slice(0, -1), ...others, ...list.cuts.slice(-1)] };
    return { ...packed, analysis, cuts, packsDir, runtime, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** In a function of its own, so that the file's bytes can be collected when it returns. */
async function pack(
  file: string,
  { dims, wrap, onStage }: SplitModelOptions,
  dir: string,
  runtime: OnnxRuntime,
): Promise<Pick<SplitModel, 'model' | 'packs' | 'skipped'>> {
  onStage?.('reading');
  const { bytes, externalData } = await readModelFile(file);
  const fixed = fixDims(decodeModel(bytes, { externalData }), dims);
  const dynamic = dynamicInputs(fixed);
  if (dynamic.length > 0) {
    throw new OnnxError(
      'dynamic_dims',
      `Inputs with dynamic dimensions: ${dynamic.join(', ')}. Give each its numbers, like --dims x=1,3,160,160.`,
    );
  }
  onStage?.('optimising');
  const { model, skipped } = await optimizeModel(wrap?.(fixed) ?? fixed, runtime);
  onStage?.('packing');
  const builder = new PackBuilder({
    sha256: (content) => createHash('sha256').update(content).digest('hex'),
    write: ({ sha256 }, content) => writeFileSync(join(dir, sha256), content),
  });
  return { model: builder.add(model), packs: builder.packs, skipped };
}
