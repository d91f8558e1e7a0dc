import type { OnnxRuntime, RgbPicture } from '@cutpoint/onnx';
import type { Calibration, Fidelity } from '@cutpoint/protocol';
import type { ModelConfig } from '../../models/config.js';
import { type BuiltCut, type BuiltVariant, tensorInfo } from '../build-variant.js';
import { answersOf } from './answers.js';
import { calibrationInputs } from './calibration-feeds.js';
import { fillGaps } from './fill-gaps.js';
import { measureFidelity, type TriedCut } from './measure.js';
import { codecsFor } from './round-trip.js';

export interface VariantFidelity {
  readonly calibration: Calibration;
  /** Of every cut that sends something. */
  readonly byCut: ReadonlyMap<BuiltCut, readonly Fidelity[]>;
  /** What was measured at prefix cuts, by id, for variants of another size: only these have the same numbers there. */
  readonly measured: ReadonlyMap<number, readonly Fidelity[]>;
}

export interface VariantFidelityOptions {
  readonly runtime: OnnxRuntime;
  readonly config: Pick<ModelConfig, 'pixels' | 'post'>;
  readonly pictures: readonly RgbPicture[];
  readonly budgetMs: number;
  readonly isTimed: (cut: BuiltCut) => boolean;
  /** {@link VariantFidelity.measured} of a variant with the same nodes. */
  readonly sibling?: ReadonlyMap<number, readonly Fidelity[]>;
  readonly onMeasured?: (done: number, total: number) => void;
}

/** A cut, and what of it can be tried. */
interface Candidate extends TriedCut {
  readonly built: BuiltCut;
  readonly isPicture: boolean;
}

/**
 * What the codecs cost at the cuts of one variant. Tried are those that can be chosen, timed or proposed: the pictures of a
 * pixel variant first, which everybody starts with, then the narrowest cuts; all others get what {@link fillGaps} says.
 *
 * @param cuts in the order of their work
 * @returns `undefined` for a variant in which nothing crosses
 */
export async function variantFidelity(
  cuts: readonly BuiltCut[],
  variant: BuiltVariant,
  options: VariantFidelityOptions,
): Promise<VariantFidelity | undefined> {
  const { runtime, config, pictures, budgetMs, onMeasured, sibling } = options;
  const candidates = cuts.flatMap((built) => candidateOf(built, variant) ?? []);
  const wholeGraph = candidates.find(({ headGraph }) => headGraph === null)?.tailGraph;
  if (wholeGraph === undefined) return undefined;
  const chosen = candidates
    .filter(({ built, codecs }) => codecs.length > 0 && (built.isProposed || options.isTimed(built)))
    .sort(
      (a, b) => Number(b.isPicture) - Number(a.isPicture) || a.built.description.bytesUp - b.built.description.bytesUp,
    );
  const { calibration, byCut } = await measureFidelity(chosen, {
    runtime,
    wholeGraph,
    inputs: calibrationInputs(variant, config, pictures),
    answers: answersOf(variant, config.post),
    budgetMs,
    ...(onMeasured && { onMeasured }),
  });
  const filled = fillGaps(
    candidates.map((candidate) => ({
      codecs: candidate.codecs,
      own: byCut.get(candidate),
      sibling: sibling?.get(candidate.built.description.id),
    })),
  );
  return {
    calibration,
    byCut: new Map(candidates.map(({ built }, position) => [built, filled[position] ?? []])),
    measured: new Map(
      [...byCut]
        .map(([{ built }, fidelity]) => [built.description.id, fidelity] as const)
        .filter(([id]) => id <= variant.analysis.nodes.length),
    ),
  };
}

function candidateOf(built: BuiltCut, { pixels, analysis }: BuiltVariant): Candidate | undefined {
  const { headGraph, tailGraph, description } = built;
  if (tailGraph === null) return undefined;
  const crossing = description.crossing.map((name) => tensorInfo(analysis, name));
  const isPicture = headGraph === null && crossing.length === 1 && crossing[0]?.name === pixels?.input;
  return { built, isPicture, headGraph, tailGraph, crossing, codecs: codecsFor(crossing, isPicture) };
}
