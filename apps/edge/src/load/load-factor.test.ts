import { describe, expect, it } from 'vitest';
import { LoadFactors } from './load-factor.js';

describe('the load factor', () => {
  it('is 1 until something was measured, then moves to measured ÷ profiled', () => {
    const factors = new LoadFactors(() => 0);
    expect(factors.get('m')).toBe(1);
    for (let run = 0; run < 30; run += 1) factors.observe('m', 30, 10);
    expect(factors.get('m')).toBeCloseTo(3, 2);
    expect(factors.get('other')).toBe(1);
  });

  it('falls back to 1 when nothing runs', () => {
    let nowMs = 0;
    const factors = new LoadFactors(() => nowMs);
    for (let run = 0; run < 30; run += 1) factors.observe('m', 50, 10);
    nowMs = 5_000;
    expect(factors.get('m')).toBeCloseTo(3, 1);
    nowMs = 120_000;
    expect(factors.get('m')).toBeCloseTo(1, 3);
  });

  it('learns nothing from tails too short to be timed', () => {
    const factors = new LoadFactors(() => 0);
    factors.observe('m', 5, 0);
    factors.observe('m', 5, 0.001);
    expect(factors.get('m')).toBe(1);
  });
});
