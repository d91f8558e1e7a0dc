import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadFactors, MIN_PROFILED_MS } from './load-factor.js';

const timed = (tailMs: number) => ({ graph: 'timed', tailMs, timed: true });

describe('the load factor', () => {
  it('is 1 until something was measured, then moves to measured ÷ profiled', () => {
    const factors = new LoadFactors();
    expect(factors.k('m', 0)).toBe(1);
    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), { tailMs: 30 }, 0);
    expect(factors.k('m', 0)).toBeCloseTo(3, 2);
    expect(factors.k('other', 0)).toBe(1);
  });

  it('falls back to 1 when nothing runs', () => {
    const factors = new LoadFactors();
    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), { tailMs: 50 }, 0);
    expect(factors.k('m', 5_000)).toBeCloseTo(3, 1);
    expect(factors.k('m', 120_000)).toBeCloseTo(1, 3);
  });

  it('learns nothing from tails too short to be timed', () => {
    const factors = new LoadFactors();
    factors.observe('m', timed(0), { tailMs: 5 }, 0);
    factors.observe('m', timed(0.3), { tailMs: 0.8 }, 0);
    expect(factors.k('m', 0)).toBe(1);
    expect(factors.measuredAtMs('m')).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is not moved by a tail whose profile is interpolated; what that one takes is learnt apart', () => {
    const factors = new LoadFactors();
    const guessed = { graph: 'guessed', tailMs: 10, timed: false };
    expect(factors.idleMs(guessed)).toBe(10);
    for (let run = 0; run < 30; run += 1) factors.observe('m', guessed, { tailMs: 25 }, 0);
    expect(factors.k('m', 0)).toBe(1);
    expect(factors.idleMs(guessed)).toBeCloseTo(25, 3);

    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), { tailMs: 20 }, 0);
    for (let run = 0; run < 30; run += 1) factors.observe('m', guessed, { tailMs: 50 }, 0);
    expect(factors.k('m', 0)).toBeCloseTo(2, 3);
    expect(factors.idleMs(guessed), 'the load is not counted twice').toBeCloseTo(25, 2);
    expect(factors.idleMs(timed(10))).toBe(10);
  });

  it('follows one tail a second within three, up and down, and many at once with more care', () => {
    const factors = new LoadFactors();
    let nowMs = 0;
    const canaries = (count: number, tailMs: number) => {
      for (let run = 0; run < count; run += 1) {
        nowMs += 1_000;
        factors.observe('m', timed(10), { tailMs }, nowMs);
      }
      return factors.k('m', nowMs);
    };
    canaries(10, 10);
    expect(canaries(3, 50)).toBeGreaterThan(4.4);
    canaries(10, 50);
    expect(canaries(3, 10)).toBeLessThan(1.5);
    factors.observe('m', timed(10), { tailMs: 100 }, nowMs);
    expect(factors.k('m', nowMs)).toBeLessThan(4.2);
  });

  it('with the queue has the waiting in it, which a canary does not add to', () => {
    const factors = new LoadFactors();
    for (let run = 0; run < 30; run += 1) factors.observe('m', timed(10), { tailMs: 20, queueMs: 30 }, 0);
    expect(factors.kWithQueue('m', 0)).toBeCloseTo(5, 2);
    expect(factors.k('m', 0)).toBeCloseTo(2, 2);
    factors.observe('m', timed(10), { tailMs: 20 }, 5_000);
    expect(factors.kWithQueue('m', 5_000)).toBeCloseTo(3, 1);
    expect(factors.measuredAtMs('m')).toBe(5_000);
  });

  it('never leaves the range of what was measured and 1, whatever the clock does', () => {
    const run = fc.record({
      profiledMs: fc.double({ min: MIN_PROFILED_MS, max: 1e3, noNaN: true }),
      ratio: fc.double({ min: 0.1, max: 100, noNaN: true }),
      atMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(run, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (runs, nowMs) => {
          const factors = new LoadFactors();
          for (const { profiledMs, ratio, atMs } of runs) {
            factors.observe('m', timed(profiledMs), { tailMs: ratio * profiledMs }, atMs);
          }
          const ratios = [1, ...runs.map(({ ratio }) => ratio)];
          expect(factors.k('m', nowMs)).toBeGreaterThanOrEqual(Math.min(...ratios) - 1e-6);
          expect(factors.k('m', nowMs)).toBeLessThanOrEqual(Math.max(...ratios) + 1e-6);
        },
      ),
    );
  });
});
