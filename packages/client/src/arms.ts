import type { Arm } from '@cutpoint/partition';
import type { Cut, CutTable } from '@cutpoint/protocol';

/** The arms of one variant, one a cut, in the table's order. */
export function armsOf(table: CutTable): Arm[] {
  const numNodes = table.nodes.length;
  return table.cuts.map((cut) => ({
    cut: cut.id,
    codec: 'f32',
    headMs: cut.headMs,
    tailMs: cut.tailMs,
    bytesUp: cut.bytesUp,
    bytesDown: cut.bytesDown,
    usesEdge: cut.tailGraph !== null,
    isPrefix: cut.id <= numNodes,
  }));
}

/** The table without the cuts that send more than the edge takes. */
export function withinLimit(table: CutTable, maxRequestBytes: number): CutTable {
  const cuts = table.cuts.filter(({ tailGraph, bytesUp }) => tailGraph === null || bytesUp <= maxRequestBytes);
  return { ...table, cuts };
}

/** The listed cut whose number is nearest; of two the lower. */
export function nearestCut(table: CutTable, id: number): Cut | undefined {
  let nearest: Cut | undefined;
  for (const cut of table.cuts) {
    const gap = Math.abs(cut.id - id);
    const best = nearest ? Math.abs(nearest.id - id) : Number.POSITIVE_INFINITY;
    if (gap < best || (gap === best && nearest && cut.id < nearest.id)) nearest = cut;
  }
  return nearest;
}

/**
 * A head of this share of the whole is timed first: long enough to tell, short enough to be there soon. No more than
 * this many ms where it was profiled, because the device may be a hundred times slower.
 */
const CALIBRATION_SHARE = { least: 0.1, most: 0.25 } as const;
const CALIBRATION_HEAD_MS = { least: 2, most: 5 } as const;

/** The head to learn the device by: within these bounds the one with the fewest weights; else the nearest to them. */
export function calibrationCut(table: CutTable, packBytes: (cut: Cut) => number): Cut | undefined {
  const wholeMs = Math.max(0, ...table.cuts.map(({ headMs }) => headMs));
  const least = Math.min(CALIBRATION_SHARE.least * wholeMs, CALIBRATION_HEAD_MS.least);
  const most = Math.min(CALIBRATION_SHARE.most * wholeMs, CALIBRATION_HEAD_MS.most);
  const away = ({ headMs }: Cut) => (headMs < least ? least - headMs : Math.max(0, headMs - most));
  const heads = table.cuts.filter((cut) => cut.headGraph !== null && cut.headMs > 0);
  const [best] = heads.sort((a, b) => away(a) - away(b) || packBytes(a) - packBytes(b) || a.headMs - b.headMs);
  return best;
}
