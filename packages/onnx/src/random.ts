import { bytesPerElement, countElements, type ElementType } from './element-type.js';
import type { RuntimeTensor } from './runtime.js';

/** mulberry32: small, seeded, and good enough for test input. Numbers from 0 up to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Random input: floats from -1 to 1, `uint8` (pixels) over its whole range, other integers 0 or 1, because an integer
 * is mostly an index, and small ones are valid for every table of two rows.
 */
export function randomTensor(type: ElementType, dims: readonly number[], random: () => number): RuntimeTensor {
  const count = countElements(dims);
  const fill = <T>(values: { [index: number]: T; buffer: ArrayBufferLike }, next: () => T): Uint8Array => {
    for (let i = 0; i < count; i++) values[i] = next();
    return new Uint8Array(values.buffer);
  };
  const signed = (): number => random() * 2 - 1;
  const bit = (): number => (random() < 0.5 ? 0 : 1);
  const bytes = (): Uint8Array => {
    switch (type) {
      case 'float32':
        return fill(new Float32Array(count), signed);
      case 'float64':
        return fill(new Float64Array(count), signed);
      case 'float16':
        return fill(new Uint16Array(count), () => toHalf(signed()));
      case 'uint8':
        return fill(new Uint8Array(count), () => Math.floor(random() * 256));
      default:
        return fillIntegers(count, bytesPerElement(type), bit);
    }
  };
  return { type, dims: [...dims], bytes: bytes() };
}

/** Little-endian integers of any width, for values that fit one byte. */
function fillIntegers(count: number, width: number, next: () => number): Uint8Array {
  const bytes = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) bytes[i * width] = next();
  return bytes;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The 16 bits of a float16, rounded to nearest; Node 20 has no Float16Array. Subnormals become zero. */
export function toHalf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7c00;
  // Adding may carry into the exponent, which is the right result.
  return sign | (((exponent << 10) | ((bits >>> 13) & 0x3ff)) + ((bits >>> 12) & 1));
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
