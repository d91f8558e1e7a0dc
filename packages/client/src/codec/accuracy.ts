import type { Arm, Codec } from '@cutpoint/partition';
import {
  type Calibration,
  type Cut,
  DEFAULT_ACCURACY_DROP,
  type Fidelity,
  type Manifest,
  type Variant,
} from '@cutpoint/protocol';
import { DEFAULT_CONNECT_OPTIONS } from '../defaults.js';
import { stepsOf } from './encode.js';

/**
 * As many inputs the stated default counts for beside measured top-1 answers: a dozen inputs of which none changed do not
 * show that fewer than one in a hundred would.
 */
const DEFAULT_COUNTS_FOR = 100;
/** A codec that rounds is never said to lose nothing, whatever came out: an app that allows 0 gets the numbers as they are. */
const LEAST_DROP = 1e-6;

/**
 * What an arm's codec costs in accuracy, 0..1: 0 for codecs that lose nothing, else what the edge measured at this cut,
 * else the stated default.
 *
 * Of top-1 answers it is the measured share, or, where that is more, the mean of measurement and default weighted by the
 * inputs that each counts for: few inputs say little. A relative error is taken as it was measured.
 */
export function accuracyDropOf(
  codec: Codec,
  { fidelity }: Pick<Cut, 'fidelity'>,
  calibration: Calibration | undefined,
): number {
  const { numbers, picture } = stepsOf(codec);
  const lossy = picture ?? (numbers === 'raw' ? undefined : numbers);
  if (lossy === undefined) return 0;
  const stated = DEFAULT_ACCURACY_DROP[lossy];
  const measured = fidelity?.find((entry) => entry.codec === lossy);
  if (measured === undefined || calibration === undefined) return stated;
  return Math.max(LEAST_DROP, measured.drop, calibration.metric === 'top-1' ? weighted(measured, stated) : 0);
}

function weighted({ drop, inputs }: Fidelity, stated: number): number {
  return (DEFAULT_COUNTS_FOR * stated + inputs * drop) / (DEFAULT_COUNTS_FOR + inputs);
}

/** Of a text recogniser: JPEG and WebP are said to cost more wherever they were measured, 8 bits that changed no answer less. */
const MOST_TEXT_DROP = 0.005;

/**
 * What may be lost when the app does not say. `run` is onnxruntime's, to the last bit but rounding. A picture may lose what it
 * would lose as a JPEG or WebP, since sending it so is what everybody does who cuts no network; at least what
 * {@link DEFAULT_CONNECT_OPTIONS} says. But for a line of text: as a JPEG one in twelve is read with a letter or a space less, which everybody sees
 * ([decision 25](../../../../docs/decisions/0025-text-is-not-compressed.md)).
 */
export function defaultMaxAccuracyDrop(kind: Variant['kind'], arms: readonly Arm[], task: Manifest['task']): number {
  const { run, runImage } = DEFAULT_CONNECT_OPTIONS.maxAccuracyDrop;
  if (kind === 'tensors') return run;
  if (task.type === 'text-recognition') return MOST_TEXT_DROP;
  const pictures = arms.filter(({ codec }) => stepsOf(codec).picture !== undefined);
  return Math.max(runImage, ...pictures.map(({ accuracyDrop = 0 }) => accuracyDrop));
}
