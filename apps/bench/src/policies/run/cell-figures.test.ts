import { describe, expect, it } from 'vitest';
import { cellFigures, linkFigures } from './cell-figures.js';
import type { GridCell } from './grid.js';

function cell(link: string, oursMs: number, loadpartMs: number, localMs: number): GridCell {
  const meanMs = { cutpoint: oursMs, loadpart: loadpartMs, local: localMs, informed: 40 };
  return { network: 'alexnet', link, load: 'idle', meanMs, bySeed: [meanMs], cutShare: 0, oracleCutShare: 0 };
}

const CELLS = [cell('slow', 50, 100, 200), cell('fast', 110, 100, 200), cell('fast', 80, 100, 90)];

describe('cellFigures', () => {
  it('counts a cell in which ours is faster as positive, and puts the least reduction first', () => {
    const figures = cellFigures(CELLS, ['local', 'loadpart']);
    expect(figures.map(({ vsBestBaselinePct }) => vsBestBaselinePct)).toEqual([-10, 11.11, 50]);
    expect(figures[0]).toMatchObject({ link: 'fast', regretPct: 175, meanMs: { cutpoint: 110 } });
  });
});

describe('linkFigures', () => {
  it('has a row for each link, in the order of the cells', () => {
    const rows = linkFigures(
      CELLS.map(({ link }) => link),
      cellFigures(CELLS, ['local', 'loadpart']),
    );
    expect(rows.map(({ link, cells }) => [link, cells])).toEqual([
      ['slow', 1],
      ['fast', 2],
    ]);
    expect(rows[1]).toMatchObject({ worstVsBestBaselinePct: -10, meanMs: { cutpoint: 95, local: 145 } });
  });
});
