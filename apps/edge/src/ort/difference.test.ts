import type { RuntimeTensor } from '@cutpoint/onnx';
import { describe, expect, test } from 'vitest';
import { difference, isNowhereFinite } from './difference.js';

const floats = (...values: number[]): RuntimeTensor => ({
  type: 'float32',
  dims: [values.length],
  bytes: new Uint8Array(new Float32Array(values).buffer),
});
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('difference', () => {
  test('is measured against the range of the reference', () => {
    const { absErr, relErr } = difference(floats(0, 1, 4.5), floats(0, 1, 4));
    expect([absErr, relErr]).toEqual([0.5, 0.125]);
  });

  test('is measured against the value where all values are the same, and in itself where all are zero', () => {
    expect(difference(floats(4, 5), floats(4, 4)).relErr).toBe(0.25);
    expect(difference(floats(0, 0.5), floats(0, 0)).relErr).toBe(0.5);
  });

  test('has no bounds where one is finite and the other is not', () => {
    expect(difference(floats(nan, 1), floats(0, 1)).relErr).toBe(inf);
    expect(difference(floats(0, 1), floats(nan, 1)).relErr).toBe(inf);
    expect(difference(floats(inf, 1), floats(0, 1)).relErr).toBe(inf);
    expect(difference(floats(-inf, 1), floats(inf, 1)).relErr).toBe(inf);
    expect(difference(floats(nan, nan), floats(1, 2)).relErr).toBe(inf);
  });

  test('is none where the reference is not finite either', () => {
    expect(difference(floats(nan, inf, 1), floats(nan, inf, 1))).toEqual({ absErr: 0, relErr: 0 });
    expect(difference(floats(nan, nan), floats(nan, nan)).relErr).toBe(0);
  });

  test('has no bounds for another shape, another type, or nothing at all', () => {
    expect(difference({ ...floats(1, 2), dims: [2, 1] }, floats(1, 2)).relErr).toBe(inf);
    expect(difference({ ...floats(1), type: 'int32' }, floats(1)).relErr).toBe(inf);
    expect(difference(undefined, floats(1)).relErr).toBe(inf);
  });

  test('reads integers, halves and strings', () => {
    const ints = (...values: bigint[]): RuntimeTensor => ({
      type: 'int64',
      dims: [values.length],
      bytes: new Uint8Array(new BigInt64Array(values).buffer),
    });
    expect(difference(ints(1n, 5n), ints(1n, 3n)).relErr).toBe(1);
    const half = (bits: number): RuntimeTensor => ({
      type: 'float16',
      dims: [1],
      bytes: new Uint8Array(Uint16Array.of(bits).buffer),
    });
    expect(difference(half(0x4000), half(0x3c00)).absErr).toBe(1);
    const words = (word: string): RuntimeTensor => ({
      type: 'string',
      dims: [1],
      bytes: new Uint8Array(),
      strings: [word],
    });
    expect([difference(words('a'), words('a')).relErr, difference(words('a'), words('b')).relErr]).toEqual([0, inf]);
  });
});

test('a tensor without a finite value is found out', () => {
  expect([floats(nan, inf), floats(nan, 0), floats()].map(isNowhereFinite)).toEqual([true, false, false]);
});
