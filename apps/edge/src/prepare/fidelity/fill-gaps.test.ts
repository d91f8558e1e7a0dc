import { DEFAULT_ACCURACY_DROP, type Fidelity } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { fillGaps, type GappyCut } from './fill-gaps.js';

const u8 = (drop: number): Fidelity => ({ codec: 'u8', drop, worst: 2 * drop, inputs: 9 });
const cut = (own?: Fidelity, sibling?: Fidelity): GappyCut => ({
  codecs: ['u8'],
  own: own && [own],
  sibling: sibling && [sibling],
});
const dropsOf = (...cuts: GappyCut[]) => fillGaps(cuts).map((entries) => entries[0]?.drop);

describe('cuts that were not measured', () => {
  it('take the worst of their measured neighbours, and say that they were not measured', () => {
    const [, between] = fillGaps([cut(u8(0.02)), cut(), cut(u8(0.3))]);
    expect(between).toEqual([{ codec: 'u8', drop: 0.3, worst: 0.6, inputs: 0 }]);
  });

  it('never promise more than the default', () => {
    expect(dropsOf(cut(u8(0)), cut(), cut(u8(0.0001)))).toEqual([0, DEFAULT_ACCURACY_DROP.u8, 0.0001]);
    expect(dropsOf(cut(), cut())).toEqual([DEFAULT_ACCURACY_DROP.u8, DEFAULT_ACCURACY_DROP.u8]);
  });

  it('look at the nearest on each side, not beyond', () => {
    expect(dropsOf(cut(u8(0.9)), cut(u8(0.02)), cut(), cut())).toEqual([0.9, 0.02, 0.02, 0.02]);
  });

  it('lean on the same cut at another size', () => {
    expect(dropsOf(cut(undefined, u8(0.5)))).toEqual([0.5]);
    expect(dropsOf(cut(u8(0.1), u8(0.5)))).toEqual([0.1]);
  });

  it('do not mix codecs', () => {
    const filled = fillGaps([{ codecs: ['f16', 'u8'], own: [u8(0.4)], sibling: undefined }]);
    expect(filled[0]?.map(({ codec, drop, inputs }) => [codec, drop, inputs])).toEqual([
      ['f16', DEFAULT_ACCURACY_DROP.f16, 0],
      ['u8', 0.4, 9],
    ]);
  });
});
