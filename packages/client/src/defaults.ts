import type { Objective, PolicyName } from '@cutpoint/partition';
import type { StreamOptions } from './stream.js';

/** What `connect` takes where an option is left out. Options that are not here are off until they are given. */
export const DEFAULT_CONNECT_OPTIONS = Object.freeze({
  policy: 'cutpoint' satisfies PolicyName,
  device: 'auto',
  objective: 'latency' satisfies Objective,
  keepInputOnDevice: false,
  /** Where the browser asks to save data: 0. */
  maxWeightBytes: Number.POSITIVE_INFINITY,
  /** On a metered or slow link: `off`. */
  rescue: 'idle',
  /**
   * By what is called: `run` is onnxruntime's, to the last bit but rounding; a picture has been through a camera's
   * compressor anyway, and may lose more where its own JPEG or WebP does.
   */
  maxAccuracyDrop: Object.freeze({ run: 0, runImage: 0.01 }),
} as const);

/** Three: one in the head, one on its way, one in the tail. */
export const DEFAULT_STREAM_OPTIONS: Readonly<Required<Pick<StreamOptions, 'maxInFlight'>>> = Object.freeze({
  maxInFlight: 3,
});
