import type { Manifest } from '@cutpoint/protocol';

/**
 * Whether an edge with the one manifest can go on where an edge with the other has stopped: the same weights, inputs and
 * outputs. Cut tables may differ, since each edge times its own machine.
 */
export function isSameModel(one: Manifest, other: Manifest): boolean {
  return identityOf(one) === identityOf(other);
}

function identityOf({ model, version, task, packs, variants }: Manifest): string {
  const forms = variants.map(({ table: _, ...form }) => form);
  return JSON.stringify([model, version, task, packs, forms]);
}
