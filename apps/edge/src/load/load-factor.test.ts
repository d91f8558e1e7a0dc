import { describe, expect, it } from 'vitest';
import { LoadFactors } from './load-factor.js';

const timed = (tailMs: number) => ({ graph: 'timed', tailMs, timed: true });

describe('the load factor', () => {
  it('is 1 until something was measured, then moves to measured ÷ profiled', () => {
    const factors = new LoadFactors(() => 0);
    expect(factors.get('m')).toBe(1);
    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), 30);
    expect(factors.get('m')).toBeCloseTo(3, 2);
    expect(factors.get('other')).toBe(1);
  });

  it('falls back to 1 when nothing runs', () => {
    let nowMs = 0;
    const factors = new LoadFactors(() => nowMs);
    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), 50);
    nowMs = 5_000;
    expect(factors.get('m')).toBeCloseTo(3, 1);
    nowMs = 120_000;
    expect(factors.get('m')).toBeCloseTo(1, 3);
  });

  it('learns nothing from tails too short to be timed', () => {
    const factors = new LoadFactors(() => 0);
    factors.observe('m', timed(0), 5);
    factors.observe('m', timed(0.3), 0.8);
    expect(factors.get('m')).toBe(1);
  });

  it('is not moved by a tail whose profile is interpolated; what that one takes is learnt apart', () => {
    const factors = new LoadFactors(() => 0);
    const guessed = { graph: 'guessed', tailMs: 10, timed: false };
    expect(factors.idleMs(guessed)).toBe(10);
    for (let run = 0; run < 30; run += 1) factors.observe('m', guessed, 25);
    expect(factors.get('m')).toBe(1);
    expect(factors.idleMs(guessed)).toBeCloseTo(25, 3);

    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), 20);
    for (let run = 0; run < 30; run += 1) factors.observe('m', guessed, 50);
    expect(factors.get('m')).toBeCloseTo(2, 3);
    expect(factors.idleMs(guessed), 'the load is not counted twice').toBeCloseTo(25, 2);
    expect(factors.idleMs(timed(10))).toBe(10);
  });
});
