import { median, round } from '../../statistics.js';
import { toPct } from './figures.js';
import type { GridCell } from './grid.js';

/** The worst cell: by how much of the best of the others ours is slower there, in %. */
export function worstCell(cells: readonly GridCell[], others: readonly string[]) {
  const slower = cells.map((cell) => {
    const best = Math.min(...others.map((name) => cell.meanMs[name] ?? Number.POSITIVE_INFINITY));
    return { cell, pct: toPct((cell.meanMs.cutpoint ?? 0) / best - 1) };
  });
  const sorted = slower.toSorted((a, b) => b.pct - a.pct);
  return {
    pct: round(sorted[0]?.pct ?? Number.NaN, 2),
    cells: sorted.slice(0, 10).map(({ cell: { network, link, load, meanMs }, pct }) => ({
      network,
      link,
      load,
      pct: round(pct, 2),
      meanMs: Object.fromEntries(Object.entries(meanMs).map(([name, ms]) => [name, round(ms, 1)])),
    })),
    medianPct: round(median(slower.map(({ pct }) => pct)), 2),
  };
}
