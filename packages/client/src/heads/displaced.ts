import { hollowKey, type Part, type PartSpec } from './head-store.js';
import { packBytes } from './pack-store.js';

/** Parts kept built at a time. Each holds its weights a second time, on the graphics device or in the wasm heap. */
export const MAX_PARTS = 6;
/** And never more than this of weights, whatever their number. */
export const MAX_PART_BYTES = 512 * 1024 * 1024;

/**
 * What has to go for a part that comes: its own hollow one, then other hollow ones, then what was not used for longest.
 * A hollow one is there for a moment only and makes no inference faster: for it none goes that inferences may run.
 *
 * @param built all others, the least recently used first
 * @param spared what inferences run while the new one is built
 */
export function displacedBy(spec: PartSpec, built: readonly Part[], spared?: Part): Part[] {
  const own = hollowKey(spec.key);
  const [hollow, real] = [built.filter(isHollow), built.filter((part) => !isHollow(part))];
  const mayGo = spec.kind === 'hollow' ? hollow : [...hollow, ...real.filter((part) => part !== spared)];
  let count = built.length + 1;
  let numBytes = packBytes(spec.packs) + bytesOf(built);
  return mayGo.filter((part) => {
    if (part.key !== own && count <= MAX_PARTS && numBytes <= MAX_PART_BYTES) return false;
    count -= 1;
    numBytes -= bytesOf([part]);
    return true;
  });
}

/** Whether a hollow one has room beside all that inferences may run. */
export function hasRoomBeside({ packs }: Pick<PartSpec, 'packs'>, built: readonly Part[]): boolean {
  return bytesOf(built.filter((part) => !isHollow(part))) + packBytes(packs) <= MAX_PART_BYTES;
}

function isHollow({ spec }: Part): boolean {
  return spec.kind === 'hollow';
}

function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { spec }) => sum + packBytes(spec.packs), 0);
}
