import type { Model } from './model.js';

/** How `u8 [h, w, 3]` RGB becomes the model's own input; a model config's `pixels` with one size picked. */
export interface PixelInput {
  readonly input: string;
  readonly channels: 'rgb' | 'bgr';
  /** Per channel in the model's own channel order: (value - mean) / std, values 0..255. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly height: number;
  readonly width: number;
}

export type PostProcessing =
  | { readonly type: 'top-k'; readonly output: string; readonly k: number; readonly softmax: boolean }
  | { readonly type: 'ctc-greedy'; readonly output: string }
  | { readonly type: 'text-map'; readonly output: string; readonly stride: number };

export interface PixelVariant {
  readonly model: Model;
  /** The graph input that takes the pixels, `u8 [h, w, 3]` RGB. */
  readonly input: string;
  /** Names of the outputs, by their meaning in the manifest's task. */
  readonly outputs:
    | { readonly type: 'tensors' }
    | { readonly type: 'top-k' | 'ctc-greedy'; readonly values: string; readonly indices: string }
    | { readonly type: 'text-map'; readonly map: string; readonly stride: number };
}

/**
 * Puts normalisation before the network and post-processing after it, as graph nodes, so that cuts among them exist.
 * With `post`, the post-processed values are the only outputs. Optimise the result, not the input.
 *
 * @throws OnnxError `unknown_name`, `dims_mismatch`, `unsupported` (operator set below 7)
 */
export declare function buildPixelVariant(
  model: Model,
  options: { readonly pixels: PixelInput; readonly post?: PostProcessing | undefined },
): PixelVariant;
