import type { Manifest, Variant } from '@cutpoint/protocol';

export function variantsOf({ variants }: Manifest, kind: Variant['kind']): Variant[] {
  return variants.filter((variant) => variant.kind === kind);
}

/** The one whose inputs and outputs are the model's own, where there is one. */
export function ownVariant(manifest: Manifest): Variant | undefined {
  return variantsOf(manifest, 'tensors')[0] ?? manifest.variants[0];
}
