import { describe, expect, it } from 'vitest';
import { chooseListedCuts } from './listed-cuts.js';

describe('chooseListedCuts', () => {
  it('lists every cut of a small network', () => {
    const cuts = Array.from({ length: 67 }, (_, id) => ({ headFlops: id, bytesUp: 1 }));
    expect(chooseListedCuts(cuts)).toEqual(cuts.map((_, id) => id));
  });

  it('keeps of neighbours that do the same work the one that sends least', () => {
    // Blocks of a convolution and nine cheap nodes, of which the sixth is narrow.
    const cuts = Array.from({ length: 401 }, (_, id) => ({
      headFlops: Math.ceil(id / 10) * 1e6 + id,
      bytesUp: id === 400 ? 0 : id % 10 === 6 ? 10 : 1000,
    }));
    const listed = chooseListedCuts(cuts);
    expect([listed[0], listed.at(-1)]).toEqual([0, 400]);
    expect(listed).toEqual([...new Set(listed)].sort((a, b) => a - b));
    for (let id = 6; id < 400; id += 10) expect(listed).toContain(id);
    expect(listed.length).toBeLessThan(128);
  });

  it('leaves a cut everywhere, also where no node costs anything', () => {
    const cuts = Array.from({ length: 1000 }, (_, id) => ({ headFlops: 0, bytesUp: 1000 - id }));
    const listed = chooseListedCuts(cuts);
    const gaps = listed.slice(1).map((position, i) => position - (listed[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(16);
  });
});
