/**
 * A seeded stream of random numbers (mulberry32 by T. Ettinger, the generator of `packages/partition`). Its whole state is
 * one number, so what uses it can be cloned, and the same seed gives the same run on every machine.
 */
export class Random {
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Uniform in 0..1, 1 left out. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    const { state } = this;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** Standard normal, by Box and Muller ("A Note on the Generation of Random Normal Deviates", 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** A factor of mean 1 that scatters by about `deviation`. */
  factor(deviation: number): number {
    return deviation > 0 ? Math.exp(deviation * this.normal() - deviation ** 2 / 2) : 1;
  }
}

/** A seed made of several, so that each part of the world has random numbers of its own (FNV-1a over the text). */
export function seedOf(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of parts.join('|')) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  // Neighbouring seeds differ in their last bits only: mixed once more.
  return new Random(hash >>> 0).next() * 2 ** 32;
}
