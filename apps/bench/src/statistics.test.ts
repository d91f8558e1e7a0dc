import { describe, expect, it } from 'vitest';
import { median, quantile } from './statistics.js';

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
