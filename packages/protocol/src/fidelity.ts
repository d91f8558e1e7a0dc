import type { NumberCodec } from './codec.js';
import type { TensorInfo } from './manifest.js';
import { count, type Output, object, oneOf, share, text } from './schema.js';

/** Codecs that do not give every number back as it was. */
export const LOSSY_CODECS = ['f16', 'u8', 'jpeg', 'webp'] as const;
export type LossyCodec = (typeof LOSSY_CODECS)[number];

/**
 * What each codec is taken to cost where nobody measured it: a share of top-1 answers that change, or a relative error.
 * Stated, not measured: cautious for networks that were not trained with noise on their activations.
 */
export const DEFAULT_ACCURACY_DROP: Readonly<Record<LossyCodec, number>> = {
  f16: 0.001,
  u8: 0.005,
  jpeg: 0.01,
  webp: 0.01,
};

/**
 * What one codec costs at one cut. Each calibration input has an error of 0..1 (see {@link calibrationSchema}) against the
 * outputs of the unsplit network. Deflate changes nothing about it.
 */
export const fidelitySchema = object({
  /** One of {@link LOSSY_CODECS}; a reader leaves out those that it does not know. */
  codec: text,
  /** Mean error of the calibration inputs, 0..1. */
  drop: share,
  /** Largest error of one calibration input, 0..1. */
  worst: share,
  /** Calibration inputs behind both. 0: not measured, both are the stated default or, where that is more, what neighbours cost. */
  inputs: count,
});
export type Fidelity = Output<typeof fidelitySchema>;

/** How fidelity was measured. */
export const calibrationSchema = object({
  /**
   * The error of one input:
   * - `top-1`: the share of its answers that change. A classifier gives one answer, a text recogniser one a time step.
   * - `relative-error`: root mean square error of an output over the range of that output's values on all calibration
   *   inputs, of the worst output; at most 1.
   */
  metric: oneOf(['top-1', 'relative-error']),
  /** `pictures`: crops, flips, scales and noise of sample pictures; `noise`: seeded random numbers, which say less. */
  inputs: oneOf(['pictures', 'noise']),
});
export type Calibration = Output<typeof calibrationSchema>;

/** Whether a codec makes fewer bytes, and others, of such a tensor. */
export function narrows(codec: NumberCodec, { type }: Pick<TensorInfo, 'type'>): boolean {
  return (codec !== 'raw' && type === 'float32') || (codec === 'u8' && type === 'float16');
}
