import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrivalRate } from './arrival-rate.js';

/** Work of one size at a steady pace, for so long. */
function steady(rate: ArrivalRate, workMs: number, everyMs: number, untilMs: number): void {
  for (let atMs = 0; atMs <= untilMs; atMs += everyMs) rate.observe(workMs, atMs);
}

describe('the arrival rate', () => {
  it('is 0 while nothing comes', () => {
    expect(new ArrivalRate().rate(1_000)).toBe(0);
  });

  it.each([
    [5, 100, 1, 0.05],
    [50, 100, 1, 0.5],
    [10, 10, 1, 1],
    [30, 10, 1, 3],
    [30, 10, 4, 0.75],
  ])('of %d ms of work every %d ms for %d workers is %d', (workMs, everyMs, workers, expected) => {
    const rate = new ArrivalRate(workers);
    steady(rate, workMs, everyMs, 10_000);
    // Between two pieces of work it swings by half of a piece.
    expect(rate.rate(10_000 + everyMs / 2) / expected).toBeCloseTo(1, 1);
  });

  it('has done half of the way to a new rate after a second, and forgets as fast', () => {
    const rate = new ArrivalRate();
    steady(rate, 1, 1, 1_000);
    expect(rate.rate(1_000)).toBeCloseTo(0.5, 2);
    expect(rate.rate(2_000)).toBeCloseTo(0.25, 2);
    expect(rate.rate(20_000)).toBeLessThan(1e-5);
  });

  it('is finite and not negative, whatever it is told and whatever the clock does', () => {
    const piece = fc.tuple(fc.double(), fc.double({ min: 0, max: 1e9, noNaN: true }));
    fc.assert(
      fc.property(fc.array(piece), fc.double({ min: 0, max: 1e9, noNaN: true }), (pieces, nowMs) => {
        const rate = new ArrivalRate();
        for (const [workMs, atMs] of pieces) rate.observe(Math.min(workMs, 1e6), atMs);
        expect(rate.rate(nowMs)).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(rate.rate(nowMs))).toBe(true);
      }),
    );
  });
});
