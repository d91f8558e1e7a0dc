import {
  type Analysis,
  analyse,
  batchedTail,
  buildPixelVariant,
  type CutDescription,
  dynamicInputs,
  encodeModel,
  extract,
  fixDims,
  listCuts,
  type Model,
  type OnnxRuntime,
  optimizeModel,
  type PackBuilder,
  type PixelVariant,
  packsOf,
} from '@cutpoint/onnx';
import type { TensorInfo } from '@cutpoint/protocol';
import type { ModelConfig } from '../models/config.js';
import { ModelError } from '../models/error.js';
import { chooseListedCuts } from './listed-cuts.js';
import { proposedCuts } from './proposed-cuts.js';
import type { PlannedVariant } from './variant-plan.js';

/** A cut whose two graphs are encoded. */
export interface BuiltCut {
  readonly description: CutDescription;
  /** Among the cheapest under some conditions, by costs that add up: worth timing first. */
  readonly isProposed: boolean;
  readonly headGraph: Uint8Array | null;
  readonly tailGraph: Uint8Array | null;
  /** The tail for many inputs at once; `null` where that is not possible. */
  readonly batchGraph: Uint8Array | null;
  /** sha256 of the packs that the head reads. */
  readonly headPacks: readonly string[];
}

export interface BuiltVariant {
  readonly planned: PlannedVariant;
  readonly analysis: Analysis;
  /** Prefix cuts from the empty head on, proposed ones that are none, and last the local cut. */
  readonly cuts: readonly BuiltCut[];
  /** Of a pixel variant: its own input's name and what its outputs mean. */
  readonly pixels?: Pick<PixelVariant, 'input' | 'outputs'>;
  readonly notes: readonly string[];
}

/**
 * Makes one servable form of a model: fixed dimensions, optimised, weights in packs, every listed cut in two graphs.
 * Cuts whose crossing tensors have dimensions that depend on the data are left out: the wire fixes dimensions.
 */
export async function buildVariant(
  file: Model,
  config: ModelConfig,
  planned: PlannedVariant,
  runtime: OnnxRuntime,
  packs: PackBuilder,
): Promise<BuiltVariant> {
  const fixed = fixDims(file, planned.dims);
  const unfixed = dynamicInputs(fixed);
  if (unfixed.length > 0) {
    throw new ModelError(
      'bad_config',
      `${planned.id}: ${unfixed.join(', ')} still has dimensions without a number: ` +
        'list them in "dims" of the config, or give --dims to `cutpoint add`',
    );
  }
  const pixels = planned.kind === 'pixels' ? pixelVariant(fixed, config, planned) : undefined;
  const optimized = await optimizeModel(pixels?.model ?? fixed, runtime);
  const analysis = await analyse(optimized.model, runtime);
  const list = listCuts(optimized.model, analysis);
  const packed = packs.add(optimized.model);
  const last = list.cuts.length - 1;
  const possible = list.cuts.filter((cut, position) => position === 0 || position === last || !cut.dynamic);
  const { prefixes, others } = proposedCuts(optimized.model, analysis, possible);
  const near = new Set(chooseListedCuts(possible));
  const listed = possible.filter(({ id }, position) => near.has(position) || prefixes.has(id));
  const proposed = new Set([...listed.filter(({ id }) => prefixes.has(id)), ...others]);
  const cuts = [...listed.slice(0, -1), ...others, ...listed.slice(-1)].map((description) =>
    buildCut(packed, analysis, description, proposed.has(description)),
  );
  return {
    planned,
    analysis,
    cuts,
    notes: notesOf(planned, optimized.skipped, list.unsplittable),
    ...(pixels === undefined ? {} : { pixels: { input: pixels.input, outputs: pixels.outputs } }),
  };
}

function notesOf(planned: PlannedVariant, skipped: string | undefined, unsplittable: string | undefined): string[] {
  const notes: string[] = [];
  if (skipped !== undefined) notes.push(`${planned.id}: not optimised: ${skipped}`);
  if (unsplittable !== undefined) notes.push(`${planned.id}: cannot be cut in the middle: ${unsplittable}`);
  return notes;
}

/** The network, its dimensions fixed, between the nodes that take a picture in and bring small answers out. */
export function pixelVariant(
  model: Model,
  config: ModelConfig,
  planned: Extract<PlannedVariant, { kind: 'pixels' }>,
): PixelVariant {
  if (config.pixels === undefined) throw new ModelError('bad_config', `${planned.id} needs "pixels" in the config`);
  const { input, channels, mean, std } = config.pixels;
  return buildPixelVariant(model, {
    pixels: { input, channels, mean, std, height: planned.height, width: planned.width },
    post: config.post,
  });
}

function buildCut(packed: Model, analysis: Analysis, description: CutDescription, isProposed: boolean): BuiltCut {
  const parts = extract(packed, analysis, description.head);
  const batched = parts.tail === null ? undefined : batchedTail(parts.tail, analysis);
  return {
    description,
    isProposed,
    headGraph: parts.head === null ? null : encodeModel(parts.head),
    tailGraph: parts.tail === null ? null : encodeModel(parts.tail),
    batchGraph: batched === undefined ? null : encodeModel(batched),
    headPacks: parts.head === null ? [] : packsOf(parts.head),
  };
}

/** Tensors as the wire describes them. */
export function tensorInfo(analysis: Analysis, name: string): TensorInfo {
  const tensor = analysis.tensors.get(name);
  if (tensor === undefined) throw new ModelError('prepare_failed', `nothing is known of the tensor ${name}`);
  return { name, type: tensor.type, dims: [...tensor.dims] };
}
