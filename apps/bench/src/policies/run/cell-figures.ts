import { median, round } from '../../statistics.js';
import { toPct } from './figures.js';
import type { GridCell } from './grid.js';

/** One cell as the JSON holds it: mean latency by contestant in ms, regret of `cutpoint` against the informed oracle in %. */
export interface CellFigures {
  readonly network: string;
  readonly link: string;
  readonly load: string;
  /** By how much ours is faster than the best baseline, in % of it: negative where it is slower. */
  readonly vsBestBaselinePct: number;
  readonly regretPct: number;
  readonly meanMs: Readonly<Record<string, number>>;
}

/** Every cell against the best of the baselines in it: the one where ours wins least (or loses most) comes first. */
export function cellFigures(cells: readonly GridCell[], baselines: readonly string[]): CellFigures[] {
  return cells
    .map(({ network, link, load, meanMs }) => {
      const bestMs = Math.min(...baselines.map((name) => meanMs[name] ?? Number.POSITIVE_INFINITY));
      const oursMs = meanMs.cutpoint ?? Number.NaN;
      return {
        network,
        link,
        load,
        vsBestBaselinePct: round(toPct(1 - oursMs / bestMs), 2),
        regretPct: round(toPct(oursMs / (meanMs.informed ?? Number.NaN) - 1), 2),
        meanMs: Object.fromEntries(Object.entries(meanMs).map(([name, ms]) => [name, round(ms, 1)])),
      };
    })
    .sort((a, b) => a.vsBestBaselinePct - b.vsBestBaselinePct);
}

/** All cells of one link, over networks and loads. */
export interface LinkFigures {
  readonly link: string;
  readonly cells: number;
  readonly medianVsBestBaselinePct: number;
  readonly worstVsBestBaselinePct: number;
  readonly meanRegretPct: number;
  /** Mean over the link's cells by contestant, in ms. */
  readonly meanMs: Readonly<Record<string, number>>;
}

/** A row for each link, in the order of the cells that were run. */
export function linkFigures(links: readonly string[], cells: readonly CellFigures[]): LinkFigures[] {
  return [...new Set(links)].map((link) => {
    const own = cells.filter((cell) => cell.link === link);
    const mean = (of: (cell: CellFigures) => number) => own.reduce((sum, cell) => sum + of(cell), 0) / own.length;
    const reductions = own.map(({ vsBestBaselinePct }) => vsBestBaselinePct);
    return {
      link,
      cells: own.length,
      medianVsBestBaselinePct: round(median(reductions), 2),
      worstVsBestBaselinePct: round(Math.min(...reductions), 2),
      meanRegretPct: round(
        mean(({ regretPct }) => regretPct),
        2,
      ),
      meanMs: Object.fromEntries(
        Object.keys(own[0]?.meanMs ?? {}).map((name) => [
          name,
          round(
            mean(({ meanMs }) => meanMs[name] ?? Number.NaN),
            1,
          ),
        ]),
      ),
    };
  });
}
