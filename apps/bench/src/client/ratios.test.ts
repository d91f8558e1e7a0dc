import { describe, expect, it } from 'vitest';
import { growthPct, largest, quantileRatio } from './ratios.js';

describe('ratios', () => {
  it('compare the same quantile of both', () => {
    const compared = { ownMs: [30, 10, 20], otherMs: [5, 10, 15] };
    expect(quantileRatio(compared, 0.5)).toBe(2);
    expect(quantileRatio(compared, 1)).toBe(2);
  });

  it('of growth go from the first size to the last, whatever lies between', () => {
    expect(growthPct([100, 400, 105])).toBe(5);
    expect(growthPct([100, 90])).toBe(-10);
  });

  it('of what is not there are null', () => {
    expect(growthPct([])).toBeNull();
    expect(growthPct([0, 5])).toBeNull();
    expect(largest([null, null])).toBeNull();
    expect(largest([null, -3, 2])).toBe(2);
  });
});
