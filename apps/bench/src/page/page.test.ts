import { describe, expect, it } from 'vitest';
import { plotsCost } from './page.js';

describe('plotsCost', () => {
  it('compares within pairs, so that a machine that becomes slower counts for nothing', () => {
    const pairs = [10, 20, 40].map((ms) => ({
      shown: { totalsMs: [ms * 1.01, ms * 1.01, ms * 9] },
      hidden: { totalsMs: [ms, ms, ms] },
    }));
    expect(plotsCost(pairs)).toEqual({ plotsPct: 1, quartilesPct: [1, 1], shownP50Ms: 40.4, hiddenP50Ms: 20 });
  });
});
