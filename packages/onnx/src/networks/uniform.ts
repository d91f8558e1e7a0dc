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

/** The same floats for the same seed, as raw bytes. */
export function uniformBytes({ center, spread }: Uniform, count: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const low = center - spread;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = low + 2 * spread * random();
  return new Uint8Array(values.buffer);
}
