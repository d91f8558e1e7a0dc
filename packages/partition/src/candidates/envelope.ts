/** Smaller differences of normalised values are rounding. */
const SAME = 1e-12;

/** A direction in which the lower envelope has a corner. */
export interface EnvelopeVertex {
  /** Not negative, sum 1. */
  readonly weights: Float64Array;
  /** Value of the envelope there: the least weighted cost of all points. */
  readonly value: number;
}

interface Ray extends EnvelopeVertex {
  /** Sum of `weights`: 1, or 0 for the one ray that points straight down. */
  readonly isVertex: boolean;
  /** Numbers of the half-spaces on whose border it lies, as bits. */
  readonly active: Uint32Array;
}

/**
 * The lower envelope of points in a few dimensions over all directions with non-negative weights: the function
 * `min over points of weights · point`. It is concave and linear between its vertices, so any further point that lies below
 * it anywhere lies below it at a vertex: whoever finds none at any vertex has them all.
 *
 * The region under the envelope is a cone; its extreme rays are kept by the double description method (Motzkin et al. 1953;
 * the combinatorial adjacency test is that of Fukuda and Prodon, 1996): each new point is a half-space that cuts rays off
 * and puts new ones on the edges between what is cut off and what stays.
 */
export class LowerEnvelope {
  readonly #dimensions: number;
  readonly #words: number;
  readonly #capacity: number;
  #numHalfSpaces: number;
  #rays: Ray[];

  /** @param first its weights are the corners of the first envelope. @param capacity most points that will ever be added */
  constructor(first: ArrayLike<number>, capacity: number) {
    this.#dimensions = first.length;
    this.#capacity = capacity;
    this.#words = Math.ceil((first.length + capacity) / 32);
    this.#numHalfSpaces = first.length + 1;
    this.#rays = [];
    for (let axis = 0; axis < first.length; axis++) {
      const active = new Uint32Array(this.#words);
      for (let other = 0; other <= first.length; other++) if (other !== axis) setBit(active, other);
      const weights = new Float64Array(first.length);
      weights[axis] = 1;
      this.#rays.push({ weights, value: first[axis] ?? 0, isVertex: true, active });
    }
    const down = new Uint32Array(this.#words);
    for (let axis = 0; axis < first.length; axis++) setBit(down, axis);
    this.#rays.push({ weights: new Float64Array(first.length), value: -1, isVertex: false, active: down });
  }

  /** Objects stay the same from call to call while the envelope does not change there. */
  get vertices(): readonly EnvelopeVertex[] {
    return this.#rays.filter(({ isVertex }) => isVertex);
  }

  get isFull(): boolean {
    return this.#numHalfSpaces >= this.#dimensions + this.#capacity;
  }

  add(point: ArrayLike<number>): void {
    const bit = this.#numHalfSpaces++;
    const slacks = this.#rays.map(({ weights, value }) => dot(weights, point) - value);
    const kept: Ray[] = [];
    const above: number[] = [];
    const below: number[] = [];
    for (const [index, ray] of this.#rays.entries()) {
      const slack = slacks[index] ?? 0;
      if (slack < -SAME) {
        below.push(index);
        continue;
      }
      if (slack > SAME) above.push(index);
      else setBit(ray.active, bit);
      kept.push(ray);
    }
    const created: Ray[] = [];
    for (const low of below) {
      for (const high of above) {
        const ray = this.#between(high, slacks[high] ?? 0, low, -(slacks[low] ?? 0));
        if (ray === undefined) continue;
        setBit(ray.active, bit);
        created.push(ray);
      }
    }
    this.#rays = [...kept, ...created];
  }

  /** The ray where the edge between two rays meets the new half-space; `undefined` when no edge joins them. */
  #between(high: number, above: number, low: number, below: number): Ray | undefined {
    const [a, b] = [this.#rays[high], this.#rays[low]];
    if (a === undefined || b === undefined) return undefined;
    const common = new Uint32Array(this.#words);
    let numCommon = 0;
    for (let word = 0; word < common.length; word++) {
      const bits = (a.active[word] ?? 0) & (b.active[word] ?? 0);
      common[word] = bits;
      numCommon += countBits(bits);
    }
    if (numCommon < this.#dimensions - 1) return undefined;
    for (const other of this.#rays) if (other !== a && other !== b && contains(other.active, common)) return undefined;
    const weights = new Float64Array(this.#dimensions);
    let sum = 0;
    for (let axis = 0; axis < weights.length; axis++) {
      const weight = above * (b.weights[axis] ?? 0) + below * (a.weights[axis] ?? 0);
      weights[axis] = weight;
      sum += weight;
    }
    for (let axis = 0; axis < weights.length; axis++) weights[axis] = (weights[axis] ?? 0) / sum;
    return { weights, value: (above * b.value + below * a.value) / sum, isVertex: true, active: common };
  }
}

function dot(weights: Float64Array, point: ArrayLike<number>): number {
  let sum = 0;
  for (let axis = 0; axis < weights.length; axis++) sum += (weights[axis] ?? 0) * (point[axis] ?? 0);
  return sum;
}

function setBit(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
}

function contains(bits: Uint32Array, others: Uint32Array): boolean {
  for (let word = 0; word < bits.length; word++) {
    const wanted = others[word] ?? 0;
    if (((bits[word] ?? 0) & wanted) >>> 0 !== wanted) return false;
  }
  return true;
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
