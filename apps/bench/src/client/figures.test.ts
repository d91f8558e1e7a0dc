import { describe, expect, it } from 'vitest';
import { FIGURE_NAMES, figureTable, isMet, valuesOf } from './figures.js';

describe('the table of the client bench', () => {
  it('says of each figure what was asked, what was measured, and whether that is enough', () => {
    const lines = figureTable({
      localRatio: { value: 1.02, note: '50 pairs' },
      streamSpeedup: { value: 1.2, note: 'head, upload and tail' },
      encodeU8MsPerMB: { value: 3, note: 'on some adapter' },
    });
    expect(lines.find((line) => line.startsWith('localRatio'))).toMatch(/<= 1\.03 +1\.02 +met +50 pairs$/);
    expect(lines.find((line) => line.startsWith('streamSpeedup'))).toMatch(/>= 1\.5 +1\.2 +missed +head/);
    expect(lines.find((line) => line.startsWith('encodeU8MsPerMB'))).toMatch(/3 +on some adapter$/);
    expect(lines.find((line) => line.startsWith('gzipKB'))).toMatch(/null +not asked for$/);
  });

  it('has every figure in the result, those that were not measured as null', () => {
    const values = valuesOf({ secondVisitBytes: { value: 0, note: '' }, gzipKB: { value: null, note: 'no npm' } });
    expect(Object.keys(values)).toEqual(FIGURE_NAMES);
    expect(values.secondVisitBytes).toBe(0);
    expect(Object.values(values).filter((value) => value === null)).toHaveLength(FIGURE_NAMES.length - 1);
  });

  it('calls nothing met that was not measured', () => {
    expect(isMet({ most: 1 }, null)).toBeUndefined();
    expect(isMet({}, 5)).toBeUndefined();
    expect(isMet({ most: 1 }, 1)).toBe(true);
    expect(isMet({ least: 1 }, 0.9)).toBe(false);
  });
});
