import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNCORRECTED } from '../cost.js';
import { shrinkingNetwork } from '../testing/arms.js';
import { seeded } from '../testing/random.js';
import { Correction, Corrections } from './correction.js';
import { DEFAULT_D, DeviceFactorEstimator } from './device-factor.js';
import { EdgeLoadTracker } from './edge-load.js';
import { Ewma } from './ewma.js';
import { DEFAULT_FIXED_MS, FixedCostEstimator } from './fixed-cost.js';
import { ServiceLoad } from './service-load.js';

describe('Ewma', () => {
  it('is the first sample at first, and half forgets within its half-life', () => {
    const average = new Ewma(2);
    expect(average.value).toBeUndefined();
    average.observe(10);
    expect(average.value).toBeCloseTo(10, 9);
    for (let index = 0; index < 60; index++) average.observe(10);
    average.observe(20, 2);
    expect(average.value).toBeCloseTo(15, 3);
  });

  it('takes a sample of weight 3 for three samples, and ignores those without weight', () => {
    const one = new Ewma(4);
    const many = new Ewma(4);
    for (const average of [one, many]) average.observe(1, 5);
    one.observe(7, 3);
    for (let index = 0; index < 3; index++) many.observe(7);
    many.observe(1e9, 0);
    many.observe(Number.NaN);
    expect(one.value).toBeCloseTo(many.value ?? 0, 9);
  });
});

describe('FixedCostEstimator', () => {
  it('has a default until a round trip was measured', () => {
    expect(new FixedCostEstimator().estimate(0)).toMatchObject({
      value: DEFAULT_FIXED_MS,
      ageMs: Number.POSITIVE_INFINITY,
      confident: false,
    });
  });

  it('finds the path under queues that only add to it, within 25 %', () => {
    const random = seeded(3);
    const fixed = new FixedCostEstimator();
    for (let index = 0; index < 12; index++) {
      const waitMs = random() < 0.5 ? random() * 3 : random() * 200;
      fixed.observe(20 + waitMs, index * 100);
    }
    const { value, confident } = fixed.estimate(1_200);
    expect(value).toBeGreaterThanOrEqual(20);
    expect(value).toBeLessThan(25);
    expect(confident).toBe(true);
  });

  it('follows a path that became longer within ten samples, and a shorter one within four', () => {
    const fixed = new FixedCostEstimator();
    for (let index = 0; index < 12; index++) fixed.observe(10, index);
    for (let index = 0; index < 10; index++) fixed.observe(80, 20 + index);
    expect(fixed.estimate(40).value).toBe(80);
    for (let index = 0; index < 3; index++) fixed.observe(10, 40 + index);
    expect(fixed.estimate(50).value).toBe(10);
  });

  it('forgets what is old and ignores what is no time', () => {
    const fixed = new FixedCostEstimator();
    fixed.observe(5, 0);
    fixed.observe(-3, 1);
    fixed.observe(Number.NaN, 1);
    fixed.observe(50, 60_000);
    expect(fixed.estimate(60_000).value).toBe(50);
    expect(fixed.estimate(0).ageMs).toBe(0);
  });
});

describe('EdgeLoadTracker', () => {
  it('is an idle edge before any report', () => {
    const load = new EdgeLoadTracker();
    expect(load.queue(10)).toMatchObject({ value: 0, ageMs: Number.POSITIVE_INFINITY, confident: false });
    expect(load.k(10)).toMatchObject({ value: 1, ageMs: Number.POSITIVE_INFINITY, confident: false });
  });

  it('holds a report while it is fresh, then lets queue and load factor relax', () => {
    const load = new EdgeLoadTracker();
    load.observe({ queueMs: 100, k: 4 }, 0);
    expect(load.queue(900)).toMatchObject({ value: 100, ageMs: 900, confident: true });
    expect(load.k(900).value).toBe(4);
    expect(load.queue(2_000).value).toBeCloseTo(50, 6);
    expect(load.k(10_000).value).toBeCloseTo(2, 6);
    expect(load.queue(60_000).value).toBeLessThan(1e-6);
    expect(load.k(600_000).value).toBeCloseTo(1, 6);
    expect(load.k(600_000).confident).toBe(false);
  });

  it('takes the queue to go down by what does not come anew, until the edge would have said so', () => {
    const load = new EdgeLoadTracker();
    load.observe({ queueMs: 100, busy: 0.75, residualMs: 10, workers: 1 }, 0);
    expect(load.queue(40).value).toBe(90);
    expect(load.queue(100).value).toBe(75);
    expect(load.queue(900).value).toBe(75);
    load.observe({ queueMs: 10, busy: 0, residualMs: 0, workers: 1 }, 1_000);
    expect(load.queue(1_050).value).toBe(0);
    load.observe({ queueMs: 100, busy: 1.2, residualMs: 10, workers: 1 }, 2_000);
    expect(load.queue(2_100).value).toBe(100);
  });

  it('keeps k when a report has none, and ignores what is no number', () => {
    const load = new EdgeLoadTracker();
    load.observe({ queueMs: 10, k: 3 }, 0);
    load.observe({ queueMs: 20 }, 100);
    load.observe({ queueMs: Number.NaN, k: 0 }, 200);
    expect(load.queue(200).value).toBe(20);
    expect(load.k(200).value).toBe(3);
    expect(load.queue(0).ageMs).toBe(0);
  });
});

describe('what others keep the edge busy with', () => {
  const tails = (own: boolean) => {
    const tracker = new EdgeLoadTracker();
    const edge = new ServiceLoad();
    for (let atMs = 0; atMs < 10_000; atMs += 100) {
      // One of others and one of this page in turn, 40 and 20 ms.
      const serviceMs = atMs % 200 === 0 ? 40 : 20;
      edge.observe(serviceMs, atMs);
      if (own && serviceMs === 20) tracker.observeOwn(serviceMs, atMs);
      tracker.observe({ queueMs: 0, workers: 1, ...edge.at(atMs) }, atMs);
    }
    return tracker;
  };

  it('is what the edge says, less what is of this page', () => {
    expect(tails(false).busy).toBeCloseTo(0.3, 1);
    expect(tails(false).residualMs(10_000)).toBeCloseTo((800 + 200) / 200, 0);
    expect(tails(true).busy).toBeCloseTo(0.2, 1);
    expect(tails(true).residualMs(10_000)).toBeCloseTo(800 / 200, 0);
  });

  it('is nothing when all of it is of this page, and is forgotten with the queue when nothing is heard', () => {
    const alone = new EdgeLoadTracker();
    alone.observeOwn(50, 0);
    alone.observe({ workers: 1, busy: 0.034, residualMs: 0.8 }, 0);
    expect(alone.busy).toBe(0);
    expect(alone.residualMs(0)).toBe(0);
    const load = tails(false);
    load.observe({ announcedMs: 80 }, 9_900);
    expect(load.announcedMs(10_000)).toBe(80);
    expect(load.announcedMs(60_000)).toBeLessThan(1e-6);
    expect(load.residualMs(60_000)).toBeLessThan(1e-6);
  });
});

describe('DeviceFactorEstimator', () => {
  const heads = (device: DeviceFactorEstimator, d: number, count: number, profiledMs = 10, fromMs = 0) => {
    for (let index = 0; index < count; index++) device.observe(d * profiledMs, profiledMs, fromMs + index);
  };

  it('has a default that nobody measured', () => {
    expect(new DeviceFactorEstimator().estimate(0)).toMatchObject({
      value: DEFAULT_D,
      ageMs: Number.POSITIVE_INFINITY,
      confident: false,
    });
  });

  it('is exact on any steady device after one head', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 200, noNaN: true }), (d) => {
        const device = new DeviceFactorEstimator();
        heads(device, d, 1);
        expect(device.estimate(1).value / d).toBeCloseTo(1, 9);
        expect(device.estimate(1).confident).toBe(true);
      }),
    );
  });

  it('stays within 10 % when heads scatter by a quarter', () => {
    const random = seeded(11);
    const device = new DeviceFactorEstimator();
    const errors: number[] = [];
    for (let index = 0; index < 400; index++) {
      device.observe(30 * (0.75 + random() / 2), 10, index);
      if (index > 5) errors.push(Math.abs(device.estimate(index).value / 3 - 1));
    }
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.1);
  });

  it('is 90 % of the way after a step within five heads, and not moved by a single pause', () => {
    const device = new DeviceFactorEstimator();
    heads(device, 2, 20);
    heads(device, 40, 1);
    expect(device.estimate(0).value).toBeCloseTo(2, 6);
    heads(device, 2, 3);
    heads(device, 8, 5);
    expect(device.estimate(0).value).toBeGreaterThan(2 + 0.9 * 6);
  });

  it('lets a short head say less than a long one, and is not sure of it', () => {
    const device = new DeviceFactorEstimator();
    device.observe(1, 0.05, 0);
    expect(device.estimate(0).confident).toBe(false);
    heads(device, 2, 3);
    const before = device.estimate(0).value;
    heads(device, 20, 3, 0.05);
    expect(device.estimate(0).value / before).toBeLessThan(1.2);
  });

  it('ignores a measurement that is none', () => {
    const device = new DeviceFactorEstimator();
    device.observe(0, 10, 0);
    device.observe(-4, 10, 0);
    device.observe(5, 0, 0);
    expect(device.estimate(0).ageMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('corrections', () => {
  it('come near a steady error of an arm in ten runs, and are forgotten without runs', () => {
    const correction = new Correction();
    for (let index = 0; index < 10; index++) correction.observe(15, 10, index);
    expect(correction.factor(10)).toBeGreaterThan(1.4);
    expect(correction.factor(10)).toBeLessThanOrEqual(1.5);
    expect(correction.factor(10 + 3_600_000)).toBeCloseTo(1, 6);
  });

  it('are a hint after one run, even one a hundred times off', () => {
    const correction = new Correction();
    correction.observe(1_000, 10, 0);
    expect(correction.factor(0)).toBeLessThan(2);
  });

  it('are shared by heads that contain each other: in proportion below, the same excess above', () => {
    const arms = shrinkingNetwork();
    const corrections = new Corrections(arms);
    const headMs = (index: number) => arms[index]?.headMs ?? Number.NaN;
    for (let index = 0; index < 40; index++) corrections.observeHead(4, 2 * headMs(4), headMs(4), index);
    const factors = corrections.factors(40);
    const excessMs = (index: number) => ((factors[index]?.head ?? 0) - 1) * headMs(index);
    expect(factors[2]?.head).toBeCloseTo(factors[4]?.head ?? 0, 1);
    expect(excessMs(6) / excessMs(4)).toBeCloseTo(1, 1);
    expect(factors.every(({ tail }) => tail === 1)).toBe(true);
  });

  it('of a head that ran often hold against its neighbours', () => {
    const arms = shrinkingNetwork();
    const corrections = new Corrections(arms);
    const headMs = (index: number) => arms[index]?.headMs ?? Number.NaN;
    for (let index = 0; index < 40; index++) {
      corrections.observeHead(2, headMs(2), headMs(2), index);
      corrections.observeHead(4, 2 * headMs(4), headMs(4), index);
    }
    expect(corrections.factors(40)[2]?.head).toBeCloseTo(1, 1);
  });

  it('move their own arm, and leave alone what a decision was given', () => {
    const corrections = new Corrections(shrinkingNetwork());
    const before = corrections.factors(0);
    for (let index = 0; index < 20; index++) corrections.observeHead(1, 20, 10, index);
    const after = corrections.factors(20);
    expect(before[1]).toEqual(UNCORRECTED);
    expect(after[0]).toEqual(UNCORRECTED);
    expect(after[1]?.head).toBeCloseTo(2, 1);
    expect(after[1]?.tail).toBe(1);
    // Every arm that has a head: they contain each other. Full offload has none.
    expect(corrections.takeMoved()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(corrections.factors(600_000)[1]?.head).toBeLessThan(1.05);
    expect(after[1]?.head).toBeCloseTo(2, 1);
  });
});
