import { describe, expect, it } from 'vitest';
import { median, quantile, upperShare } from './statistics.js';

describe('quantile', () => {
  it('interpolates between ranks, whatever the order', () => {
    expect(quantile([4, 1, 3, 2], 0)).toBe(1);
    expect(quantile([4, 1, 3, 2], 1)).toBe(4);
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75);
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is not a number when there are no values', () => {
    expect(median([])).toBeNaN();
  });
});

describe('the upper bound of a share', () => {
  it('is exact where nothing was seen: 1 - 0.05^(1/n)', () => {
    expect(upperShare(0, 1000)).toBeCloseTo(1 - 0.05 ** (1 / 1000), 9);
    expect(upperShare(0, 59)).toBeCloseTo(0.0495, 3);
  });

  it('leaves a probability of 5 % for as few as were seen', () => {
    const bound = upperShare(2, 10);
    const probability = [0, 1, 2]
      .map((k) => [1, 10, 45][k] as number)
      .map((ways, k) => ways * bound ** k * (1 - bound) ** (10 - k));
    expect(probability.reduce((a, b) => a + b)).toBeCloseTo(0.05, 9);
  });

  it('lies above what was seen, nearer to it the more was tried, and is 1 when all changed', () => {
    expect(upperShare(5, 100)).toBeGreaterThan(upperShare(50, 1000));
    expect(upperShare(50, 1000)).toBeGreaterThan(0.05);
    expect(upperShare(7, 7)).toBe(1);
  });
});
