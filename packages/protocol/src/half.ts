/**
 * Half precision (IEEE 754 binary16) by integer arithmetic on the bits of single precision: the language has no
 * Float16Array everywhere yet.
 */

const SIGN_16 = 0x8000;
const INFINITY_16 = 0x7c00;
/** Bits of 65,520 as f32: this and everything above rounds to infinity. */
const OVERFLOW_32 = 0x477f_f000;
/** Bits of 2⁻¹⁴, the smallest normal half, and of 2⁻²⁵, half the smallest subnormal one: it is the first to round to 0. */
const SMALLEST_NORMAL_32 = 0x3880_0000;
const LARGEST_ZERO_32 = 0x3300_0000;
/** The exponent's bias of f32 less that of f16, in place above f32's 23 bits of fraction. */
const BIAS_STEP_32 = (127 - 15) << 23;
/** Bits of fraction that f16 has fewer. */
const FRACTION_STEP = 13;

/**
 * Rounds to the nearest half, ties to even, from the bits of f32 to the bits of f16.
 * @returns `false` when a number is too large for f16 (65,520 and above); what was written is then worthless
 */
export function roundToHalves(from: Uint32Array, to: Uint16Array): boolean {
  let isBeyond = false;
  for (let index = 0; index < from.length; index++) {
    const bits = from[index] ?? 0;
    const magnitude = bits & 0x7fff_ffff;
    const sign = (bits >>> 16) & SIGN_16;
    if (magnitude >= SMALLEST_NORMAL_32) {
      if (magnitude >= OVERFLOW_32) isBeyond = true;
      // Half of the last place that stays, less one where that place is even: ties then go to the even neighbour.
      const rounded = magnitude - BIAS_STEP_32 + 0xfff + ((magnitude >>> FRACTION_STEP) & 1);
      to[index] = sign | (rounded >>> FRACTION_STEP);
    } else {
      to[index] = sign | subnormalHalf(magnitude);
    }
  }
  return !isBeyond;
}

/** Numbers below the smallest normal half, as multiples of 2⁻²⁴. */
function subnormalHalf(magnitude: number): number {
  if (magnitude <= LARGEST_ZERO_32) return 0;
  const fraction = (magnitude & 0x7f_ffff) | 0x80_0000;
  const shift = 126 - (magnitude >>> 23);
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

let table: Float32Array | undefined;

/** The value of every half, by its bits. Made when first asked for: 256 KB. */
export function valuesOfHalves(): Float32Array {
  table ??= Float32Array.from({ length: 0x1_0000 }, (_, bits) => valueOfHalf(bits));
  return table;
}

function valueOfHalf(bits: number): number {
  const sign = bits & SIGN_16 ? -1 : 1;
  const exponent = (bits & INFINITY_16) >>> 10;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
