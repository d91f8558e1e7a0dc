/**
 * 8 bits a number, affine, one scale and offset a tensor: `x ≈ min + q · scale` with `scale = (max - min) / 255`. What a
 * device without half precision and a slow link can afford; half a step of error at most.
 */

export const LEVELS = 256;
const TOP_LEVEL = LEVELS - 1;
/** Below the smallest normal f32 a scale has too few bits to lie within half a step. */
const SMALLEST_SCALE = 2 ** -126;

export interface Affine {
  /** Both are f32 numbers. A scale of 0 means that all numbers are `min`. */
  readonly scale: number;
  readonly min: number;
}

/** The scale and offset of some numbers; `undefined` when they cannot travel so: one is not finite, or all are too close. */
export function affineOf(numbers: Float32Array): Affine | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  // Stays 0 until an infinity or a NaN makes it NaN for good.
  let unfinite = 0;
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index] ?? 0;
    if (number < min) min = number;
    if (number > max) max = number;
    unfinite += number * 0;
  }
  if (numbers.length === 0 || unfinite !== 0) return undefined;
  if (max === min) return { scale: 0, min };
  const scale = Math.fround((max - min) / TOP_LEVEL);
  return scale < SMALLEST_SCALE ? undefined : { scale, min };
}

/** The levels of numbers within the range that `affine` was taken from: `⌊(x - min) / scale + ½⌋`. */
export function toLevels(numbers: Float32Array, { scale, min }: Affine): Uint8Array<ArrayBuffer> {
  const levels = new Uint8Array(numbers.length);
  if (scale === 0) return levels;
  const inverse = 1 / scale;
  for (let index = 0; index < levels.length; index++) {
    levels[index] = ((numbers[index] ?? 0) - min) * inverse + 0.5;
  }
  return levels;
}

/** What each level stands for: `min + q · scale`, rounded once, to f32. */
export function valuesOfLevels({ scale, min }: Affine): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: LEVELS }, (_, level) => min + level * scale);
}
