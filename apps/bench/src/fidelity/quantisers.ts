/**
 * Ways to write the numbers of a tensor as few levels, for comparison with `u8` of the protocol package. All are affine
 * over a range unless they say otherwise, and round to the nearest level.
 */
export interface Quantiser {
  readonly name: string;
  /** Two or four times the levels of 8 bits; more than 256 travel as a plane of low bytes and a plane of high ones. */
  readonly bits: 8 | 9 | 10;
  /** One range a channel (axis 1) instead of one a tensor, yet at least this share of the tensor's range. */
  readonly channelsFrom?: number;
  /**
   * 0..1: levels stand closer where numbers are small. A number that is `u` of the way to the largest magnitude in levels is
   * `(1 - curve) · u + curve · u²` of it in size, on both sides of 0.
   */
  readonly curve?: number;
  /** The range ends where this share of the numbers lies below; what lies above is taken down to it. */
  readonly clip?: number;
  /** What rounding took from a number is given to the next, within so many in a row. */
  readonly carriedOver?: number;
}

const tensor = (name: string, more: Partial<Quantiser> = {}): Quantiser => ({ name, bits: 8, ...more });

/** The protocol's own first. */
export const QUANTISERS: readonly Quantiser[] = [
  tensor('u8'),
  tensor('curve-0.5', { curve: 0.5 }),
  tensor('curve-0.7', { curve: 0.7 }),
  tensor('channels', { channelsFrom: 0 }),
  tensor('channels-1/2', { channelsFrom: 0.5 }),
  tensor('channels-1/2-curve-0.3', { channelsFrom: 0.5, curve: 0.3 }),
  tensor('channels-1/2-curve-0.5', { channelsFrom: 0.5, curve: 0.5 }),
  tensor('channels-curve-0.7', { channelsFrom: 0, curve: 0.7 }),
  tensor('clip-0.999', { clip: 0.999 }),
  tensor('clip-0.9999', { clip: 0.9999 }),
  tensor('carry-4', { carriedOver: 4 }),
  tensor('carry-16', { carriedOver: 16 }),
  tensor('9-bits', { bits: 9 }),
  tensor('10-bits', { bits: 10 }),
];

/** Below this many numbers a channel's own range would cost more than it saves. */
const LEAST_IN_CHANNEL = 32;
/** f32 scale and offset of each channel. */
const RANGE_BYTES = 8;

export interface Quantised {
  readonly levels: Uint16Array;
  /** What the levels stand for. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Bytes of ranges beyond the tensor's one. */
  readonly rangeBytes: number;
}

/** @param dims `[1, channels, …]` */
export function quantise(numbers: Float32Array, dims: readonly number[], quantiser: Quantiser): Quantised {
  const levels = new Uint16Array(numbers.length);
  const values = new Float32Array(numbers.length);
  const whole = rangeOf(numbers, quantiser.clip);
  const curve = curveOf(quantiser.curve ?? 0, Math.max(whole.max, -whole.min));
  const channels = dims[1] ?? 1;
  const isByChannel = quantiser.channelsFrom !== undefined && numbers.length >= LEAST_IN_CHANNEL * channels;
  const size = isByChannel ? numbers.length / channels : numbers.length;
  const leastWidth = (quantiser.channelsFrom ?? 0) * (whole.max - whole.min);
  for (let from = 0; from < numbers.length; from += size) {
    const own = numbers.subarray(from, from + size);
    const { min, max } = isByChannel ? rangeOf(own) : whole;
    const range = { min, max: Math.max(max, isByChannel ? min + leastWidth : max) };
    writeLevels(own, range, curve, quantiser, levels.subarray(from, from + size), values.subarray(from, from + size));
  }
  return { levels, values, rangeBytes: isByChannel ? RANGE_BYTES * channels : 0 };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function rangeOf(numbers: Float32Array, clip = 1): Range {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const number of numbers) {
    if (number < min) min = number;
    if (number > max) max = number;
  }
  if (clip === 1) return { min, max };
  const sorted = numbers.toSorted();
  return { min, max: sorted[Math.ceil(clip * sorted.length) - 1] ?? max };
}

interface Curve {
  toLevel(number: number): number;
  toNumber(level: number): number;
}

const STRAIGHT: Curve = { toLevel: (number) => number, toNumber: (level) => level };

/** @param peak where the curve ends, on both sides */
function curveOf(bend: number, peak: number): Curve {
  if (bend === 0 || peak === 0) return STRAIGHT;
  const straight = 1 - bend;
  return {
    toLevel: (number) =>
      (Math.sign(number) * (Math.sqrt(straight ** 2 + (4 * bend * Math.abs(number)) / peak) - straight)) / (2 * bend),
    toNumber: (level) => peak * level * (straight + bend * Math.abs(level)),
  };
}

function writeLevels(
  numbers: Float32Array,
  range: Range,
  curve: Curve,
  { bits, carriedOver = 1 }: Quantiser,
  levels: Uint16Array,
  values: Float32Array,
): void {
  const top = 2 ** bits - 1;
  const [low, high] = [curve.toLevel(range.min), curve.toLevel(range.max)];
  const step = (high - low) / top;
  const stands = Float32Array.from({ length: top + 1 }, (_, level) => curve.toNumber(low + level * step));
  let carried = 0;
  for (const [index, number] of numbers.entries()) {
    const exact = step === 0 ? 0 : (curve.toLevel(number) - low) / step + (index % carriedOver === 0 ? 0 : carried);
    const level = Math.min(top, Math.max(0, Math.floor(exact + 0.5)));
    carried = exact - level;
    levels[index] = level;
    values[index] = stands[level] ?? 0;
  }
}

/** Levels as they would be deflated. */
export function planesOf(levels: Uint16Array, bits: Quantiser['bits']): Uint8Array {
  const low = Uint8Array.from(levels, (level) => level & 0xff);
  return bits === 8 ? low : Buffer.concat([low, Uint8Array.from(levels, (level) => level >> 8)]);
}

/** Each level less the one before it in its row: of many bits folded, so that small differences have a high byte of 0. */
export function differencesOf(levels: Uint16Array, width: number, bits: Quantiser['bits']): Uint16Array {
  return levels.map((level, index) => {
    const difference = level - (index % width === 0 ? 0 : (levels[index - 1] ?? 0));
    if (bits === 8) return difference & 0xff;
    return difference < 0 ? -2 * difference - 1 : 2 * difference;
  });
}
