import { seededRandom } from '../random.js';

/** Floats spread evenly over an interval. */
export interface Uniform {
  readonly center: number;
  /** Half the width of the interval. */
  readonly spread: number;
}

/**
 * Weights whose outputs have `gain` times the mean square of their inputs.
 *
 * He, Zhang, Ren, Sun, "Delving Deep into Rectifiers" (ICCV 2015), section 2.2: a variance of 2 / fan-in keeps the size of
 * activations through a layer behind a ReLU, which halves the mean square. Without a ReLU before it the gain is 1.
 *
 * @param fanIn products that make one output
 */
export function heUniform(fanIn: number, gain: number): Uniform {
  // An even spread over -a..a has the variance a^2 / 3.
  return { center: 0, spread: Math.sqrt((3 * gain) / fanIn) };
}

/** Floats that are not made yet: the same ones for the same seed. */
export interface UniformFloats {
  readonly values: Uniform;
  readonly count: number;
  readonly seed: number;
}

/** As raw bytes, in pieces of at most `maxFloats`, so that a large one need not be in memory as a whole. */
export function* uniformBytes(
  { values: { center, spread }, count, seed }: UniformFloats,
  maxFloats = count,
): Generator<Uint8Array> {
  const random = seededRandom(seed);
  const low = center - spread;
  for (let done = 0; done < count; ) {
    const floats = new Float32Array(Math.min(maxFloats, count - done));
    for (let i = 0; i < floats.length; i++) floats[i] = low + 2 * spread * random();
    done += floats.length;
    yield new Uint8Array(floats.buffer);
  }
}
