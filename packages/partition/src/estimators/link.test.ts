import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../testing/random.js';
import { afterIdle } from '../testing/slow-sender.js';
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
    expect(new LinkEstimator().estimate(5)).toMatchObject({
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

  it('stays within 7 % of the mean when samples scatter by a third', () => {
    const random = seeded(7);
    const link = new LinkEstimator();
    const values: number[] = [];
    for (let index = 0; index < 300; index++) {
      const rate = 1_000 * (1 + (random() - 0.5) * 0.66);
      link.observe({ numBytes: 40_000, spanMs: 40_000 / rate }, index * 150);
      if (index > 10) values.push(link.estimate(index * 150).value);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).toBeGreaterThan(930);
    expect(mean).toBeLessThan(1_070);
    const inside = values.filter((value) => Math.abs(value / 1_000 - 1) < 0.2).length;
    expect(inside / values.length).toBeGreaterThan(0.87);
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
    send(link, 1_000, 1, at + 200);
    expect(link.estimate(at + 400).value).toBeLessThan(600);
    const end = send(link, 1_000, 23, at + 600);
    expect(end - at).toBeLessThanOrEqual(5_000);
    expect(link.estimate(end).value / 1_000).toBeGreaterThan(0.87);
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

  it('is no longer trusted when it is old, and less and less sure, but holds what was measured', () => {
    const link = new LinkEstimator();
    const at = send(link, 50, 10, 0);
    expect(link.estimate(at + 20_000).value).toBeCloseTo(50, 3);
    expect(link.estimate(at + 20_000).confident).toBe(false);
    const sure = link.estimate(at).uncertainty;
    expect(sure).toBeLessThan(10);
    expect(link.estimate(at + 4_000).uncertainty).toBeGreaterThan(2 * sure);
  });

  it('follows a link that became eight times as fast with two small transfers after a pause', () => {
    const link = new LinkEstimator();
    const at = send(link, 125, 10, 0);
    const small = { numBytes: 3_072, spanMs: 3 };
    link.observe(small, at + 5_000);
    expect(link.estimate(at + 5_000).value).toBeGreaterThan(300);
    link.observe(small, at + 5_500);
    expect(link.estimate(at + 5_500).value).toBeGreaterThan(800);
  });

  it('hopes for the best rate of the last minute, at least for the default', () => {
    const link = new LinkEstimator(1_250);
    expect(link.hopedRate(0)).toBe(1_250);
    const at = send(link, 8_000, 3, 0);
    send(link, 100, 5, at);
    expect(link.hopedRate(at + 2_000)).toBeGreaterThan(6_000);
    expect(link.hopedRate(at + 600_000)).toBe(1_250);
  });

  it('takes out what slow start held up, when the sender had been idle', () => {
    for (const rate of [250, 1_000, 8_000]) {
      for (const roundTripMs of [2, 20, 80]) {
        for (const allBytes of [9_000, 57_000, 688_000]) {
          const link = new LinkEstimator();
          const sample = afterIdle(allBytes, roundTripMs, rate);
          link.observe(sample, 0, roundTripMs);
          // Bounded: a transfer of which stalls took more than nine tenths says little.
          const most = (10 * sample.numBytes) / sample.spanMs;
          const isTold = allBytes > 2 * rate * roundTripMs || sample.numBytes / rate >= sample.spanMs * 0.999;
          if (isTold) expect(link.estimate(0).value / Math.min(rate, most)).toBeCloseTo(1, 2);
          expect(link.estimate(0).value).toBeGreaterThan(0.99 * Math.min(rate, most));
        }
      }
    }
  });

  it('finds the rate of large transfers after idle exactly, and believes in slow start, whatever the chunks', () => {
    for (const chunks of [8, 9, 16, 40]) {
      const link = new LinkEstimator();
      for (let index = 0; index < 20; index++) link.observe(afterIdle(588_000, 20, 8_000, chunks), index * 500, 20);
      expect(link.slowStarts).toBe(true);
      expect(link.estimate(10_000).value / 8_000).toBeCloseTo(1, 2);
    }
  });

  it('follows such a link to an eighth of its rate within two transfers', () => {
    const link = new LinkEstimator();
    for (let index = 0; index < 20; index++) link.observe(afterIdle(588_000, 20, 8_000), index * 500, 20);
    for (let index = 20; index < 22; index++) link.observe(afterIdle(588_000, 20, 1_000), index * 600, 20);
    expect(link.estimate(12_600).value / 1_000).toBeLessThan(1.1);
    expect(link.estimate(12_600).value / 1_000).toBeGreaterThan(0.9);
  });

  it('finds out that a path has no slow start, from transfers of different sizes', () => {
    const link = new LinkEstimator();
    expect(link.slowStarts).toBe(true);
    for (let index = 0; index < 12; index++) {
      const numBytes = index % 3 === 0 ? 12_000 : index % 3 === 1 ? 60_000 : 300_000;
      link.observe({ numBytes, spanMs: numBytes / 500, idleMs: 1_000 }, index * 500, 80);
    }
    expect(link.slowStarts).toBe(false);
    expect(link.estimate(6_000).value).toBeCloseTo(500, 0);
  });

  it('takes a transfer into an open window for what it is', () => {
    const link = new LinkEstimator();
    link.observe({ numBytes: 50_000, spanMs: 100, idleMs: 30 }, 0, 80);
    expect(link.estimate(0).value).toBeCloseTo(500, 6);
  });
});
