import type { ImageInput, Manifest, Variant } from '@cutpoint/protocol';
import { CutpointError } from '../errors.js';
import { chooseSize, type Size } from './placement.js';

/** A size in which a model takes pictures, and the variant that does. */
export interface ServedSize extends ImageInput {
  readonly variant: Variant;
}

/**
 * The size in which the model takes this picture.
 * @throws CutpointError `no_image_input`
 */
export function servedSize({ model, variants }: Manifest, picture: Size): ServedSize {
  const sizes = variants.flatMap((variant) =>
    variant.kind === 'pixels' && variant.image ? [{ ...variant.image, variant }] : [],
  );
  const size = chooseSize(picture, sizes);
  if (!size) throw new CutpointError('no_image_input', `"${model}" takes no pictures; use \`run\` with tensors.`);
  return size;
}
