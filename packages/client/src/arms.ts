import type { Arm } from '@cutpoint/partition';
import type { Cut, CutTable } from '@cutpoint/protocol';

/** The arms of one variant, one a cut, in the table's order. */
export function armsOf(table: CutTable): Arm[] {
  const numNodes = table.nodes.length;
  return table.cuts.map((cut) => ({
    cut: cut.id,
    codec: 'raw',
    headMs: cut.headMs,
    tailMs: cut.tailMs,
    bytesUp: cut.bytesUp,
    bytesDown: cut.bytesDown,
    usesEdge: cut.tailGraph !== null,
    isPrefix: cut.id <= numNodes,
  }));
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

/** A head of this share of the whole is timed first: long enough to tell, short enough to be there soon. */
const CALIBRATION_SHARE = { least: 0.1, most: 0.25 } as const;

/** The head to learn the device by: within the share, the one with the fewest weights; else the nearest to it. */
export function calibrationCut(table: CutTable, packBytes: (cut: Cut) => number): Cut | undefined {
  const wholeFlops = Math.max(0, ...table.cuts.map(({ headFlops }) => headFlops));
  const heads = table.cuts.filter((cut) => cut.headGraph !== null && cut.headMs > 0 && cut.headFlops > 0);
  const { least, most } = CALIBRATION_SHARE;
  const away = ({ headFlops }: Cut) => {
    const share = headFlops / wholeFlops;
    return share < least ? least - share : Math.max(0, share - most);
  };
  const [best] = heads.sort((a, b) => away(a) - away(b) || packBytes(a) - packBytes(b) || a.headFlops - b.headFlops);
  return best;
}
