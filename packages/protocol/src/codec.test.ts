import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkTensorHeaders,
  decodeTensor,
  decodeTensors,
  encodeTensor,
  gather,
  plainBytes,
  splitPayload,
  TENSOR_TYPES,
  type TensorHeader,
  tensorBytes,
} from './index.js';

const floats = (numbers: readonly number[]) => ({
  name: 'x',
  type: 'float32' as const,
  dims: [numbers.length],
  data: new Float32Array(numbers),
});
const halves = (bits: readonly number[]) => ({
  name: 'x',
  type: 'float16' as const,
  dims: [bits.length],
  data: new Uint16Array(bits),
});

function roundTrip(numbers: readonly number[], codec: 'f16' | 'u8') {
  const { header, bytes } = encodeTensor(floats(numbers), codec);
  expect(checkTensorHeaders([header], header.numBytes)).toBeUndefined();
  const decoded = decodeTensor(header, bytes.slice());
  return { header, numbers: [...new Float32Array(decoded.buffer, decoded.byteOffset, decoded.byteLength / 4)] };
}

/** Of the f32 number nearest to `x`. */
const ulp32 = (x: number) => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 1e-45))) - 23);
const ulp16 = (x: number) => 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 1e-45))) - 10);

const number = fc.float({ noNaN: true, noDefaultInfinity: true });
const numbers = fc.array(number, { minLength: 1, maxLength: 50 });
/** All bits of f32 alike, so that every exponent comes up. */
const anyBits = fc
  .uint32Array({ minLength: 1, maxLength: 200 })
  .map((bits) => [...new Float32Array(bits.slice().buffer)]);

describe('u8', () => {
  it('gives back every number within half a step', () => {
    fc.assert(
      fc.property(numbers, (given) => {
        const { header, numbers: got } = roundTrip(given, 'u8');
        if (header.codec === 'raw') {
          expect(got).toEqual(given);
          return;
        }
        const { scale = Number.NaN } = header;
        for (const [index, x] of given.entries()) {
          // What f32 itself cannot say of a small number beside a large offset comes on top.
          const most = scale * 0.5 * (1 + 2 ** -20) + ulp32(Math.max(Math.abs(x), Math.abs(header.min ?? 0)));
          expect(Math.abs((got[index] ?? Number.NaN) - x)).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it('is one byte a number', () => {
    expect(roundTrip([1, 2, 3, 4, 5], 'u8').header).toMatchObject({ codec: 'u8', numBytes: 5, min: 1 });
  });

  it('keeps the smallest number as it is, and a tensor of one value', () => {
    expect(roundTrip([-1.3, 0.1, 7.7], 'u8').numbers[0]).toBe(Math.fround(-1.3));
    expect(roundTrip([0.1, 0.1, 0.1], 'u8')).toMatchObject({
      header: { codec: 'u8', scale: 0 },
      numbers: [0.1, 0.1, 0.1].map(Math.fround),
    });
    expect(roundTrip([0, 0], 'u8').numbers).toEqual([0, 0]);
  });

  it('takes ties upwards, and the ends to the first and the last level', () => {
    const { bytes } = encodeTensor(floats([0, 0.5, 1.5, 254.5, 255]), 'u8');
    expect([...bytes]).toEqual([0, 1, 2, 255, 255]);
  });

  it('spans all of f32', () => {
    const top = 3.4028234663852886e38;
    const { header, numbers: got } = roundTrip([-top, 0, top], 'u8');
    expect(header.codec).toBe('u8');
    expect(Math.abs(got[1] ?? Number.NaN)).toBeLessThanOrEqual((header.scale ?? 0) * 0.501);
  });

  it('gives float16 back as float16', () => {
    const given = halves([0x3c00, 0x4000, 0xbc00, 0x0001]);
    const { header, bytes } = encodeTensor(given, 'u8');
    expect(header).toMatchObject({ type: 'float16', codec: 'u8', numBytes: 4, min: -1 });
    const decoded = decodeTensor(header, bytes.slice());
    expect(decoded.byteLength).toBe(8);
    // 2, the largest, is min + 255 scale.
    expect(new Uint16Array(decoded.buffer)[1]).toBe(0x4000);
    expect(new Uint16Array(decoded.buffer)[2]).toBe(0xbc00);
  });
});

describe('f16', () => {
  it('gives back every number within half a unit of its last place', () => {
    fc.assert(
      fc.property(anyBits, (given) => {
        const { header, numbers: got } = roundTrip(given, 'f16');
        const fits = given.every((x) => Math.abs(x) < 65_520);
        expect(header.codec).toBe(fits ? 'f16' : 'raw');
        if (!fits) return;
        for (const [index, x] of given.entries()) {
          expect(Math.abs((got[index] ?? Number.NaN) - x)).toBeLessThanOrEqual(ulp16(x) / 2);
        }
      }),
    );
  });

  it('rounds ties to the even neighbour, in subnormal numbers too', () => {
    const one = 1 + 2 ** -11;
    const tiny = 2 ** -24;
    const cases: [number, number][] = [
      [one, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [one + 2 ** -20, 1 + 2 ** -10],
      [tiny / 2, 0],
      [tiny * 0.5000001, tiny],
      [tiny * 1.5, tiny * 2],
      [tiny * 2.5, tiny * 2],
      [2 ** -14 - tiny / 2, 2 ** -14],
      [65_519.99, 65_504],
    ];
    expect(
      roundTrip(
        cases.map(([x]) => x),
        'f16',
      ).numbers,
    ).toEqual(cases.map(([, x]) => x));
    expect(
      roundTrip(
        cases.map(([x]) => -x),
        'f16',
      ).numbers,
    ).toEqual(cases.map(([, x]) => -x));
  });

  it('gives back every half as it was', () => {
    const finite = Array.from({ length: 0x1_0000 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const values = decodeTensor(
      { name: 'x', type: 'float32', dims: [finite.length], codec: 'f16', numBytes: finite.length * 2 },
      new Uint8Array(new Uint16Array(finite).buffer),
    );
    const { header, bytes } = encodeTensor(
      { name: 'x', type: 'float32', dims: [finite.length], data: new Float32Array(values.buffer) },
      'f16',
    );
    expect(header.codec).toBe('f16');
    expect([...new Uint16Array(bytes.slice().buffer)]).toEqual(finite);
  });
});

describe('travel raw, whatever codec is asked for:', () => {
  const nothing = { name: 'x', type: 'float32' as const, dims: [0, 3], data: new Float32Array() };
  it.each([
    ['no numbers at all', nothing],
    ['an infinity', floats([1, Number.POSITIVE_INFINITY])],
    ['what is no number', floats([Number.NaN, 1])],
    ['integers', { name: 'x', type: 'int32' as const, dims: [2], data: new Int32Array([1, 2]) }],
    ['truth', { name: 'x', type: 'bool' as const, dims: [2], data: new Uint8Array([1, 0]) }],
    ['doubles', { name: 'x', type: 'float64' as const, dims: [1], data: new Float64Array([1.5]) }],
    ['halves beyond all bounds', halves([0x7c00, 0])],
  ])('%s', (_, tensor) => {
    for (const codec of ['f16', 'u8'] as const) {
      const { header, bytes } = encodeTensor(tensor, codec);
      expect(header).toEqual({ name: 'x', type: tensor.type, dims: tensor.dims, codec: 'raw', numBytes: bytes.length });
      expect(bytes.buffer).toBe(tensor.data.buffer);
    }
  });

  it('numbers so close to each other that f32 has no scale for them', () => {
    expect(encodeTensor(floats([0, 1e-42]), 'u8').header.codec).toBe('raw');
  });
});

describe('a payload of mixed codecs', () => {
  it('comes apart into its tensors wherever they begin', () => {
    const encoded = [
      encodeTensor({ name: 'flag', type: 'bool', dims: [1], data: new Uint8Array([1]) }, 'u8'),
      encodeTensor({ ...floats([1, -2, 0.5]), name: 'h' }, 'f16'),
      encodeTensor({ ...floats([3, 3]), name: 'c' }, 'u8'),
      encodeTensor({ name: 'i', type: 'int64', dims: [1], data: new BigInt64Array([-7n]) }, 'u8'),
    ];
    const { tensors, parts, numBytes } = gather(encoded);
    expect(numBytes).toBe(1 + 6 + 2 + 8);
    const decoded = decodeTensors(tensors, new Uint8Array(parts.flatMap((part) => [...part])));
    expect([...new Float32Array(decoded[1]?.bytes.slice().buffer ?? new ArrayBuffer(0))]).toEqual([1, -2, 0.5]);
    expect([...new Float32Array(decoded[2]?.bytes.slice().buffer ?? new ArrayBuffer(0))]).toEqual([3, 3]);
    expect(new BigInt64Array(decoded[3]?.bytes.slice().buffer ?? new ArrayBuffer(0))[0]).toBe(-7n);
  });

  it('keeps to itself what has to be inflated or is a picture', () => {
    const header: TensorHeader = { name: 'x', type: 'uint8', dims: [1, 1, 3], codec: 'jpeg', numBytes: 3 };
    expect(splitPayload([header], new Uint8Array(3))[0]?.bytes).toHaveLength(3);
    expect(() => decodeTensors([header], new Uint8Array(3))).toThrow(/"x" is jpeg/);
    expect(() => decodeTensors([{ ...header, codec: 'raw', deflated: true }], new Uint8Array(3))).toThrow(/deflated/);
  });
});

describe('headers', () => {
  const wrong = (fields: Partial<TensorHeader>) => {
    const header: TensorHeader = { name: 'x', type: 'float32', dims: [4], codec: 'raw', numBytes: 16, ...fields };
    return checkTensorHeaders([header], header.numBytes)?.code;
  };
  const u8: Partial<TensorHeader> = { codec: 'u8', scale: 1, min: 0 };
  const picture: Partial<TensorHeader> = { codec: 'jpeg', type: 'uint8', dims: [2, 4, 3] };

  it.each<[string, Partial<TensorHeader>]>([
    ['f16', { codec: 'f16', numBytes: 8 }],
    ['u8', { ...u8, numBytes: 4 }],
    ['u8 of float16', { ...u8, type: 'float16', numBytes: 4 }],
    ['deflated', { deflated: true, numBytes: 3 }],
    ['deflated to no less', { ...u8, deflated: true, numBytes: 4 }],
    ['a picture', { ...picture, numBytes: 20 }],
  ])('are right: %s', (_, fields) => {
    expect(wrong(fields)).toBeUndefined();
  });

  it.each<[string, Partial<TensorHeader>]>([
    ['f16 of another size', { codec: 'f16', numBytes: 16 }],
    ['f16 of float16', { type: 'float16', codec: 'f16', numBytes: 8 }],
    ['f16 of integers', { type: 'int32', codec: 'f16', numBytes: 8 }],
    ['u8 of another size', { ...u8, numBytes: 3 }],
    ['u8 without a scale', { codec: 'u8', min: 0, numBytes: 4 }],
    ['u8 without an offset', { codec: 'u8', scale: 1, numBytes: 4 }],
    ['u8 of doubles', { ...u8, type: 'float64', numBytes: 4 }],
    ['deflated to more', { deflated: true, numBytes: 17 }],
    ['deflated u8 as large as raw', { ...u8, deflated: true, numBytes: 16 }],
    ['deflated to nothing', { deflated: true, numBytes: 0 }],
    ['a picture of floats', { ...picture, type: 'float32', numBytes: 20 }],
    ['a picture of four colours', { ...picture, dims: [2, 3, 4], numBytes: 20 }],
    ['a picture of two dimensions', { ...picture, dims: [8, 3], numBytes: 20 }],
    ['a picture larger than its pixels', { ...picture, numBytes: 25 }],
    ['a picture of no bytes', { ...picture, numBytes: 0 }],
    ['a deflated picture', { ...picture, deflated: true, numBytes: 20 }],
  ])('are refused: %s', (_, fields) => {
    expect(wrong(fields)).toBe('bad_tensors');
  });

  it('that pass the check never say more bytes than the tensor has', () => {
    const header = fc.record({
      name: fc.constant('x'),
      type: fc.constantFrom(...TENSOR_TYPES),
      dims: fc.array(fc.nat({ max: 6 }), { maxLength: 4 }),
      codec: fc.constantFrom(...(['raw', 'f16', 'u8', 'jpeg', 'webp'] as const)),
      deflated: fc.boolean(),
      scale: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      min: fc.double({ noNaN: true, noDefaultInfinity: true }),
      numBytes: fc.nat({ max: 300 }),
    });
    fc.assert(
      fc.property(header, (fuzzed) => {
        if (checkTensorHeaders([fuzzed], fuzzed.numBytes)) return;
        expect(fuzzed.numBytes).toBeLessThanOrEqual(plainBytes(fuzzed));
        expect(plainBytes(fuzzed)).toBeLessThanOrEqual(tensorBytes(fuzzed.type, fuzzed.dims));
      }),
    );
  });
});
