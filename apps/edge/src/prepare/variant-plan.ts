import type { InputDims } from '@cutpoint/onnx';
import type { ModelConfig } from '../models/config.js';

/** One servable form of a model that is to be made. */
export type PlannedVariant =
  | { readonly kind: 'tensors'; readonly id: string; readonly dims: InputDims }
  | {
      readonly kind: 'pixels';
      readonly id: string;
      readonly dims: InputDims;
      readonly height: number;
      readonly width: number;
    };

/** Pixel variants come first, smallest first: the first one of all is timed closely and the others lean on it. */
export function planVariants(config: ModelConfig): readonly PlannedVariant[] {
  const planned: PlannedVariant[] = [];
  for (const [height, width] of config.pixels?.sizes ?? []) {
    const input = config.pixels?.input ?? '';
    planned.push({
      kind: 'pixels',
      id: `pixels:${height}x${width}`,
      dims: { [input]: [1, 3, height, width] },
      height,
      width,
    });
  }
  // Without buckets the file's own dimensions are served, when it has them.
  for (const dims of config.dims.length > 0 ? config.dims : [{}]) {
    planned.push({ kind: 'tensors', id: tensorsId(dims), dims });
  }
  return planned;
}

/** `tensors:x=1,3,48,320`; plain `tensors` when the file fixes every dimension itself. */
function tensorsId(dims: InputDims): string {
  const inputs = Object.entries(dims).map(([name, values]) => `${name}=${values.join(',')}`);
  return inputs.length === 0 ? 'tensors' : `tensors:${inputs.join(';')}`;
}
