import type { Cut, CutTable } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { armsOf, calibrationCut, nearestCut } from './arms.js';

function cut(id: number, share: number, more: Partial<Cut> = {}): Cut {
  return {
    id,
    headNodes: id,
    crossing: [],
    headOutputs: [],
    tailOutputs: [],
    headGraph: id === 0 ? null : 'a'.repeat(64),
    tailGraph: share === 1 ? null : 'b'.repeat(64),
    headPacks: [],
    bytesUp: 1000,
    bytesDown: 10,
    headFlops: share * 1e9,
    headMs: share * 10,
    tailMs: (1 - share) * 10,
    timed: true,
    ...more,
  };
}

function table(...cuts: Cut[]): CutTable {
  return {
    format: 'cutpoint.cuts.v1',
    model: 'm',
    variant: 'v',
    tensors: [],
    nodes: Array.from({ length: 10 }, (_, i) => ({ opType: 'Conv', name: `n${i}`, flops: 1e8 })),
    cuts,
    profile: { machine: '', provider: 'cpu', threads: 1 },
  };
}

describe('arms of a cut table', () => {
  it('are one a cut; the local one uses no edge, and numbers above n are no prefix cuts', () => {
    const arms = armsOf(table(cut(0, 0), cut(5, 0.5), cut(10, 1), cut(11, 0.4)));
    expect(arms.map(({ cut: id, usesEdge, isPrefix }) => [id, usesEdge, isPrefix])).toEqual([
      [0, true, true],
      [5, true, true],
      [10, false, true],
      [11, true, false],
    ]);
  });
});

describe('the nearest listed cut', () => {
  it('is the one asked for, or the closest, of two the lower', () => {
    const gaps = table(cut(0, 0), cut(4, 0.4), cut(8, 0.8), cut(10, 1));
    expect([0, 1, 2, 3, 6, 9, 99].map((id) => nearestCut(gaps, id)?.id)).toEqual([0, 0, 0, 4, 4, 8, 10]);
  });
});

describe('the head to learn the device by', () => {
  it('has a tenth to a quarter of the work, and the fewest weights', () => {
    const cuts = table(cut(0, 0), cut(1, 0.02), cut(2, 0.12), cut(3, 0.2), cut(5, 0.5), cut(10, 1));
    const bytes = (each: Cut) => (each.id === 2 ? 500 : 100);
    expect(calibrationCut(cuts, bytes)?.id).toBe(3);
  });

  it('is the nearest to that when none has', () => {
    expect(calibrationCut(table(cut(0, 0), cut(1, 0.02), cut(5, 0.5), cut(10, 1)), () => 0)?.id).toBe(1);
  });

  it('stays short when the network is long', () => {
    const long = table(
      ...[0.004, 0.02, 0.1, 0.2].map((share, i) => cut(i + 1, share, { headMs: share * 1000 })),
      cut(10, 1, { headMs: 1000 }),
    );
    expect(calibrationCut(long, () => 0)?.headMs).toBe(4);
  });

  it('is none when there is no head', () => {
    expect(calibrationCut(table(cut(0, 0)), () => 0)).toBeUndefined();
  });
});
