import { type Affine, affineOf } from '@cutpoint/protocol';

/**
 * Outside of these the single precision of the shader would show: below, flushed denormals are no longer far under a
 * level; above, the difference of two numbers could overflow. Then the CPU encodes.
 */
const SMALLEST_SCALE = 2 ** -100;
const LARGEST_RANGE = 2 ** 127;

/** What the passes found out about one tensor: the words before the encoded ones. */
export interface Statistics {
  readonly lowestInverted: number;
  readonly highest: number;
  /** A number is not finite, or becomes infinite as f16. */
  readonly isUnfit: boolean;
}

export function readStatistics(bytes: Uint8Array): Statistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    lowestInverted: view.getUint32(0, true),
    highest: view.getUint32(4, true),
    isUnfit: view.getUint32(8, true) !== 0,
  };
}

/**
 * Scale and offset of a tensor whose levels were computed on the GPU, by the CPU's own arithmetic from the exact ends of
 * the range; `undefined` when its levels do not count, because it must travel raw or be encoded on the CPU.
 */
export function affineOfStatistics({ lowestInverted, highest, isUnfit }: Statistics): Affine | undefined {
  if (isUnfit) return undefined;
  const ends = Float32Array.of(numberOf(~lowestInverted >>> 0), numberOf(highest));
  const [lowest = 0, top = 0] = ends;
  const affine = affineOf(ends);
  if (!affine) return undefined;
  // Adding 0 makes 0 of -0: the integers order the two, the CPU keeps whichever comes first, and as JSON they are one.
  const min = affine.min + 0;
  if (affine.scale === 0) return { scale: 0, min };
  if (affine.scale < SMALLEST_SCALE || top - lowest > LARGEST_RANGE) return undefined;
  return { scale: affine.scale, min };
}

/** The f32 number of a key, see `shaders.ts`. */
function numberOf(key: number): number {
  const bits = Uint32Array.of(key >= 0x8000_0000 ? key - 0x8000_0000 : ~key >>> 0);
  return new Float32Array(bits.buffer)[0] ?? 0;
}
