import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../testing/random.js';
import { DEFAULT_UPLINK_BYTES_PER_MS, LinkEstimator, MAX_RATE_BYTES_PER_MS } from './link.js';

/** Sends `count` transfers, one every `everyMs`, and returns the time after the last. */
function send(
  link: LinkEstimator,
  rate: number,
  count: number,
  fromMs: number,
  numBytes = 50_000,
  everyMs = 200,
): number {
  for (let index = 0; index < count; index++)
    link.observe({ numBytes, spanMs: numBytes / rate }, fromMs + index * everyMs);
  return fromMs + (count - 1) * everyMs;
}

describe('LinkEstimator', () => {
  it('has a default that nobody measured until the first sample', () => {
    expect(new LinkEstimator().estimate(5)).toEqual({
      value: DEFAULT_UPLINK_BYTES_PER_MS,
      ageMs: Number.POSITIVE_INFINITY,
      confident: false,
    });
  });

  it('finds any steady rate within 1 % after two samples, and trusts it', () => {
    fc.assert(
      fc.property(fc.double({ min: 5, max: 100_000, noNaN: true }), (rate) => {
        const link = new LinkEstimator();
        const at = send(link, rate, 2, 0);
        const { value, confident } = link.estimate(at);
        expect(Math.abs(value / rate - 1)).toBeLessThan(0.01);
        expect(confident).toBe(true);
      }),
    );
  });

  it('stays within 20 % of the mean, mostly below, when samples scatter by a third', () => {
    const random = seeded(7);
    const link = new LinkEstimator();
    const values: number[] = [];
    for (let index = 0; index < 300; index++) {
      const rate = 1_000 * (1 + (random() - 0.5) * 0.66);
      link.observe({ numBytes: 40_000, spanMs: 40_000 / rate }, index * 150);
      if (index > 10) values.push(link.estimate(index * 150).value);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).toBeGreaterThan(800);
    expect(mean).toBeLessThan(1_000);
  });

  it('is within 25 % of a quarter of the rate after two samples, within 12 % after three', () => {
    const link = new LinkEstimator();
    const at = send(link, 1_000, 20, 0);
    send(link, 250, 2, at + 200);
    expect(link.estimate(at + 400).value / 250).toBeLessThan(1.25);
    send(link, 250, 1, at + 600);
    expect(link.estimate(at + 600).value / 250).toBeLessThan(1.12);
  });

  it('rises slower than it falls, and is within 10 % of four times the rate in 5 s', () => {
    const link = new LinkEstimator();
    const at = send(link, 250, 20, 0);
    send(link, 1_000, 2, at + 200);
    expect(link.estimate(at + 400).value).toBeLessThan(600);
    const end = send(link, 1_000, 23, at + 600);
    expect(end - at).toBeLessThanOrEqual(5_000);
    expect(link.estimate(end).value / 1_000).toBeGreaterThan(0.9);
  });

  it('does not believe one stall', () => {
    const link = new LinkEstimator();
    const at = send(link, 1_000, 20, 0);
    link.observe({ numBytes: 50_000, spanMs: 5_000 }, at + 5_200);
    expect(link.estimate(at + 5_200).value).toBeGreaterThan(200);
    const end = send(link, 1_000, 6, at + 5_400);
    expect(link.estimate(end).value).toBeGreaterThan(650);
  });

  it('ignores transfers too small to tell anything', () => {
    const link = new LinkEstimator();
    const at = send(link, 1_000, 5, 0);
    for (let index = 0; index < 50; index++) link.observe({ numBytes: 900, spanMs: 90 }, at + index);
    expect(link.estimate(at).value).toBeCloseTo(1_000, 6);
  });

  it('lets a small transfer say less than a large one', () => {
    const small = new LinkEstimator();
    const large = new LinkEstimator();
    for (const link of [small, large]) send(link, 10_000, 5, 0, 500_000);
    small.observe({ numBytes: 2_000, spanMs: 2_000 / 5_000 }, 1_000);
    large.observe({ numBytes: 200_000, spanMs: 200_000 / 5_000 }, 1_000);
    expect(small.estimate(1_000).value).toBeGreaterThan(large.estimate(1_000).value * 1.2);
  });

  it('is finite and bounded on loopback, where chunks arrive within one tick of the clock', () => {
    const link = new LinkEstimator();
    for (let index = 0; index < 10; index++) link.observe({ numBytes: 60_000, spanMs: 0 }, index);
    expect(link.estimate(10).value).toBeCloseTo(MAX_RATE_BYTES_PER_MS, -2);
    expect(link.estimate(10).value).toBeLessThanOrEqual(MAX_RATE_BYTES_PER_MS);
  });

  it('never yields anything but a positive finite rate and an age of at least 0, whatever it is fed', () => {
    const anything = fc.oneof(fc.double(), fc.integer({ min: -5, max: 200_000 }));
    const samples = fc.array(fc.tuple(anything, anything, fc.integer({ min: -100_000, max: 100_000 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(samples, fc.integer({ min: -100_000, max: 200_000 }), (list, nowMs) => {
        const link = new LinkEstimator();
        for (const [numBytes, spanMs, atMs] of list) link.observe({ numBytes, spanMs }, atMs);
        const { value, ageMs } = link.estimate(nowMs);
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(MAX_RATE_BYTES_PER_MS);
        expect(ageMs).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });

  it('survives a clock that steps back by an hour', () => {
    const link = new LinkEstimator();
    const at = send(link, 1_000, 10, 3_600_000);
    link.observe({ numBytes: 50_000, spanMs: -3_600_000 }, at);
    send(link, 1_000, 3, 0);
    expect(link.estimate(400).value).toBeCloseTo(1_000, 3);
    expect(link.estimate(0).ageMs).toBe(0);
  });

  it('is no longer trusted when it is old, and rises again so that someone tries', () => {
    const link = new LinkEstimator();
    const at = send(link, 50, 10, 0);
    expect(link.estimate(at + 2_000).value).toBeCloseTo(50, 3);
    expect(link.estimate(at + 20_000).confident).toBe(false);
    expect(link.estimate(at + 7_000).value).toBeCloseTo(200, 0);
    expect(link.estimate(at + 60_000).value).toBe(DEFAULT_UPLINK_BYTES_PER_MS);
  });

  it('waits longer before it tries again each time that the link proves as bad as before', () => {
    const link = new LinkEstimator();
    const at = send(link, 50, 10, 0);
    link.observe({ numBytes: 50_000, spanMs: 1_000 }, at + 7_000);
    expect(link.estimate(at + 7_000 + 5_500).value).toBeCloseTo(50, 3);
    link.observe({ numBytes: 50_000, spanMs: 50 }, at + 7_000 + 10_000);
    send(link, 50, 5, at + 17_200);
    expect(link.estimate(at + 18_000 + 7_000).value).toBeGreaterThan(150);
  });
});
