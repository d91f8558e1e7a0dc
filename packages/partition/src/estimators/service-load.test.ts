import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../testing/random.js';
import { ServiceLoad, waitForWorker } from './service-load.js';

/** Tails of one length at a steady pace, for so long. */
function steady(load: ServiceLoad, serviceMs: number, everyMs: number, untilMs: number): void {
  for (let atMs = 0; atMs <= untilMs; atMs += everyMs) load.observe(serviceMs, atMs);
}

describe('the load of the workers', () => {
  it('is 0 while nothing runs', () => {
    expect(new ServiceLoad().at(1_000)).toEqual({ busy: 0, residualMs: 0 });
  });

  it.each([
    [5, 100, 1, 0.05, 0.125],
    [50, 100, 1, 0.5, 12.5],
    [10, 10, 1, 1, 5],
    [30, 10, 4, 0.75, 11.25],
  ])('of %d ms of work every %d ms for %d workers is %d, with %d ms left', (workMs, everyMs, workers, busy, leftMs) => {
    const load = new ServiceLoad(workers);
    steady(load, workMs, everyMs, 10_000);
    // Between two tails it swings by half of one.
    const at = load.at(10_000 + everyMs / 2);
    expect(at.busy / busy).toBeCloseTo(1, 1);
    expect(at.residualMs / leftMs).toBeCloseTo(1, 1);
  });

  it('is what a request that comes at a random moment waits for the tail that runs, whatever the lengths', () => {
    const random = seeded(5);
    const load = new ServiceLoad();
    let endMs = 0;
    let leftMs = 0;
    let said = 0;
    let looks = 0;
    let runsUntilMs = 0;
    for (let nowMs = 0; nowMs < 200_000; nowMs++) {
      if (nowMs >= endMs) {
        const serviceMs = 5 + 60 * random() ** 3;
        runsUntilMs = nowMs + serviceMs;
        endMs = runsUntilMs + 20 * random();
        // As the edge does: when it is over.
        load.observe(serviceMs, nowMs);
      }
      if (nowMs < 5_000) continue;
      leftMs += Math.max(0, runsUntilMs - nowMs);
      said += load.at(nowMs).residualMs;
      looks++;
    }
    expect(said / looks / (leftMs / looks)).toBeGreaterThan(0.93);
    expect(said / looks / (leftMs / looks)).toBeLessThan(1.07);
  });

  it('has done half of the way to a new load after a second, and forgets as fast', () => {
    const load = new ServiceLoad();
    steady(load, 1, 1, 1_000);
    expect(load.at(1_000).busy).toBeCloseTo(0.5, 2);
    expect(load.at(2_000).busy).toBeCloseTo(0.25, 2);
    expect(load.at(20_000).residualMs).toBeLessThan(1e-5);
  });

  it('is finite and not negative, whatever it is told and whatever the clock does', () => {
    const tail = fc.tuple(fc.double(), fc.double({ min: 0, max: 1e9, noNaN: true }));
    fc.assert(
      fc.property(fc.array(tail), fc.double({ min: 0, max: 1e9, noNaN: true }), (tails, nowMs) => {
        const load = new ServiceLoad();
        for (const [serviceMs, atMs] of tails) load.observe(Math.min(serviceMs, 1e6), atMs);
        const { busy, residualMs } = load.at(nowMs);
        for (const value of [busy, residualMs, waitForWorker({ busy, residualMs }, 3)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(value)).toBe(true);
        }
      }),
    );
  });
});

describe('the wait for a worker', () => {
  it('of one is the residual time, and shorter the more there are', () => {
    const share = { busy: 0.5, residualMs: 10 };
    expect(waitForWorker(share, 1)).toBeCloseTo(10, 9);
    // Both busy in a quarter of all moments, then 2/3 of the 20 ms that a busy one has left.
    expect(waitForWorker(share, 2)).toBeCloseTo((0.25 * 20 * 2) / 3, 9);
    expect(waitForWorker({ busy: 1, residualMs: 10 }, 1)).toBe(10);
    expect(waitForWorker({ busy: 0, residualMs: 0 }, 1)).toBe(0);
  });
});
