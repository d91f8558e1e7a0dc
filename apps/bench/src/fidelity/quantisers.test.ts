import { decodeTensor, encodeTensor } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { differencesOf, planesOf, QUANTISERS, type Quantiser, quantise } from './quantisers.js';

const DIMS = [1, 4, 8, 8];
/** Like the output of a ReLU: half of it 0, and each channel wider than the one before it. */
const numbers = Float32Array.from({ length: 256 }, (_, i) => Math.max(0, Math.sin(i * 1.7)) * (1 + Math.floor(i / 64)));
const named = (name: string): Quantiser => {
  const found = QUANTISERS.find((quantiser) => quantiser.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const errorOf = (name: string) => {
  const { values } = quantise(numbers, DIMS, named(name));
  return Math.sqrt(numbers.reduce((sum, number, i) => sum + (number - (values[i] ?? 0)) ** 2, 0) / numbers.length);
};

describe('ways to write levels', () => {
  it('begin with what the protocol does', () => {
    const { header, bytes } = encodeTensor({ name: 'x', type: 'float32', dims: DIMS, data: numbers }, 'u8');
    const { levels, values, rangeBytes } = quantise(numbers, DIMS, named('u8'));
    expect([...levels]).toEqual([...bytes]);
    const decoded = new Float32Array(decodeTensor(header, bytes.slice()).buffer);
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(decoded[index] ?? Number.NaN, 6);
    expect(rangeBytes).toBe(0);
  });

  it.each(QUANTISERS.map(({ name }) => name))('%s keeps every 0, and all within its levels', (name) => {
    const quantiser = named(name);
    const { levels, values } = quantise(numbers, DIMS, quantiser);
    for (const [index, number] of numbers.entries()) if (number === 0) expect(values[index]).toBe(0);
    expect(Math.max(...levels)).toBe(2 ** quantiser.bits - 1);
  });

  it('err as little as their levels are close', () => {
    expect(errorOf('10-bits')).toBeLessThan(0.6 * errorOf('9-bits'));
    expect(errorOf('9-bits')).toBeLessThan(0.6 * errorOf('u8'));
    expect(errorOf('channels')).toBeLessThan(errorOf('channels-1/2'));
    expect(errorOf('channels-1/2')).toBeLessThan(errorOf('u8'));
    expect(quantise(numbers, DIMS, named('channels')).rangeBytes).toBe(4 * 8);
  });

  it('with a curve are closer at small numbers, and alike on both sides of 0', () => {
    const both = Float32Array.from({ length: 201 }, (_, i) => (i - 100) / 100);
    const { values } = quantise(both, [1, 1, 1, 201], { ...named('curve-0.7'), bits: 10 });
    const off = (from: number, to: number) =>
      Math.max(...both.slice(from, to).map((x, i) => Math.abs(x - (values[from + i] ?? 0))));
    expect(off(90, 110)).toBeLessThan(0.5 * off(180, 201));
    expect(off(0, 20)).toBeCloseTo(off(181, 201), 3);
  });

  it('carry what rounding took to the next number, so that a row keeps its sum', () => {
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
    const row = Float32Array.from({ length: 16 }, (_, i) => (i === 0 ? 0 : i === 15 ? 255 : 10.4));
    expect(sum(quantise(row, [1, 1, 1, 16], named('u8')).values)).toBe(14 * 10 + 255);
    expect(sum(quantise(row, [1, 1, 1, 16], named('carry-16')).values)).toBe(146 + 255);
  });

  it('are deflated as planes of bytes, or as differences within a row', () => {
    expect([...planesOf(Uint16Array.of(1, 258, 1023), 10)]).toEqual([1, 2, 255, 0, 1, 3]);
    expect([...planesOf(Uint16Array.of(1, 255), 8)]).toEqual([1, 255]);
    expect([...differencesOf(Uint16Array.of(3, 2, 9, 7), 2, 8)]).toEqual([3, 255, 9, 254]);
    expect([...differencesOf(Uint16Array.of(3, 2, 9, 10), 2, 9)]).toEqual([6, 1, 18, 2]);
  });
});
