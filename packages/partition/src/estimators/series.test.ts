import { describe, expect, it } from 'vitest';
import { Controller } from '../controller.js';
import { shrinkingNetwork } from '../testing/arms.js';
import { seeded } from '../testing/random.js';
import { afterIdle } from '../testing/slow-sender.js';
import { LinkEstimator } from './link.js';

/** Rate in bytes per ms at each moment. */
type Series = (atMs: number) => number;

/** Sends a transfer of `numBytes` at `atMs` over a changing link, in steps of a ms; returns how long it took. */
function transferMs(series: Series, numBytes: number, atMs: number): number {
  let left = numBytes;
  for (let passedMs = 0; ; passedMs++) {
    const rate = Math.max(0.5, series(atMs + passedMs));
    if (left <= rate) return passedMs + left / rate;
    left -= rate;
  }
}

interface Errors {
  /** Of what the next transfer took, |predicted - real| ÷ real: the median and the ninth decile. */
  readonly median: number;
  readonly p90: number;
}

/** One transfer of 20 to 60 KB each half second; each is predicted from those before. */
function follow(series: Series, forMs: number, seed: number): Errors {
  const random = seeded(seed);
  const link = new LinkEstimator();
  const errors: number[] = [];
  for (let atMs = 0; atMs < forMs; atMs += 500) {
    const numBytes = 20_000 + Math.floor(40_000 * random());
    const realMs = transferMs(series, numBytes, atMs);
    if (atMs > 2_000) errors.push(Math.abs(numBytes / link.estimate(atMs).value - realMs) / realMs);
    link.observe({ numBytes, spanMs: realMs }, atMs + realMs);
  }
  errors.sort((a, b) => a - b);
  const at = (share: number) => errors[Math.floor((errors.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), p90: at(0.9) };
}

/** Ten states in factors of 1.5, one step up or down now and then: the shape of a mobile link. */
function markov(seed: number, meanRate: number, moveEachMs: number): Series {
  const random = seeded(seed);
  const states: number[] = [];
  let state = 5;
  for (let index = 0; index < 2_000; index++) {
    if (random() < 100 / moveEachMs) state = Math.min(9, Math.max(0, state + (random() < 0.5 ? -1 : 1)));
    states.push(meanRate * 1.5 ** (state - 5) * (0.9 + 0.2 * random()));
  }
  return (atMs) => states[Math.min(states.length - 1, Math.floor(atMs / 100))] ?? meanRate;
}

describe('the uplink over synthetic series', () => {
  it('is predicted within 2 % on a steady link', () => {
    const { median, p90 } = follow(() => 1_000, 60_000, 1);
    expect(median).toBeLessThan(0.01);
    expect(p90).toBeLessThan(0.02);
  });

  it.each([1, 2, 3, 4, 5])('is predicted within a quarter in the median on a mobile link, seed %d', (seed) => {
    const { median, p90 } = follow(markov(seed, 1_000, 2_000), 120_000, seed);
    expect(median).toBeLessThan(0.25);
    expect(p90).toBeLessThan(0.75);
  });

  it('is within 15 % of the new rate after two transfers on the other side of any step by up to eight', () => {
    for (const factor of [1 / 8, 1 / 4, 1 / 2, 2, 4, 8]) {
      const link = new LinkEstimator();
      for (let index = 0; index < 20; index++) link.observe({ numBytes: 40_000, spanMs: 40 }, index * 500);
      for (let index = 20; index < 22; index++) link.observe({ numBytes: 40_000, spanMs: 40 / factor }, index * 500);
      expect(link.estimate(11_000).value / (1_000 * factor), `factor ${factor}`).toBeGreaterThan(0.85);
      expect(link.estimate(11_000).value / (1_000 * factor), `factor ${factor}`).toBeLessThan(1.15);
    }
  });

  it('is found where every transfer begins with slow start, also when the round trip is known only roughly', () => {
    for (const roundTripMs of [20, 80]) {
      for (const knownAs of [1, 1.1]) {
        const link = new LinkEstimator();
        for (let index = 0; index < 12; index++) {
          const numBytes = index % 2 === 0 ? 40_000 : 600_000;
          link.observe(afterIdle(numBytes, roundTripMs, 2_000), index * 500, roundTripMs * knownAs);
        }
        const ratio = link.estimate(6_000).value / 2_000;
        expect(ratio, `${roundTripMs} ms known as ${knownAs} times that`).toBeGreaterThan(0.8);
        expect(ratio, `${roundTripMs} ms known as ${knownAs} times that`).toBeLessThan(1.5);
      }
    }
  });
});

describe('a clock that steps', () => {
  it.each([-3_600_000, 3_600_000])('by %d ms changes no estimate, and nothing is older than it can be', (stepMs) => {
    const controller = new Controller(shrinkingNetwork());
    controller.observeConnection(true);
    const observe = (atMs: number) => {
      controller.observeTransfer('up', { numBytes: 50_000, spanMs: 50, idleMs: 100 }, atMs);
      controller.observeTransfer('down', { numBytes: 50_000, spanMs: 20 }, atMs);
      controller.observeRoundTrip(20, atMs);
      controller.observeHead(5, 160, atMs);
      controller.observeTail(5, 40, atMs);
      controller.observeLoad({ queueMs: 30, k: 1.2, busy: 0.4, residualMs: 5 }, atMs);
    };
    for (let index = 0; index < 10; index++) observe(1e7 + index * 500);
    for (let index = 0; index < 3; index++) observe(1e7 + stepMs + index * 500);
    const { uplink, downlink, fixedMs, k, d, queueMs } = controller.conditions(1e7 + stepMs + 1_100);
    expect(uplink.value).toBeCloseTo(1_000, 3);
    expect(downlink.value).toBeCloseTo(2_500, 3);
    expect(fixedMs.value).toBeCloseTo(20, 6);
    expect(k.value).toBeCloseTo(1.2, 6);
    expect(d.value).toBeCloseTo(4, 1);
    expect(queueMs.value).toBeGreaterThanOrEqual(0);
    for (const estimate of [uplink, downlink, fixedMs, k, d, queueMs]) {
      expect(estimate.ageMs).toBeGreaterThanOrEqual(0);
      expect(estimate.ageMs).toBeLessThan(2_000);
      expect(Number.isFinite(estimate.uncertainty)).toBe(true);
    }
  });
});
