import type { CutDescription } from '@cutpoint/onnx';

/** What of a cut decides whether it is worth timing. */
export type CutSize = Pick<CutDescription, 'id' | 'bytesUp' | 'headFlops' | 'crossing'>;

export interface ChooseOptions<T> {
  /** Taken whatever else is; prefixes or not. */
  readonly proposed: readonly T[];
  /** As long as there are so many. */
  readonly least: number;
  /** Beyond it nothing is added to what is proposed. */
  readonly most: number;
}

/**
 * The cuts that are timed: both ends; those that were proposed; prefixes that send less than all before them, which costs
 * that do not add up may favour; and in the widest gaps that are left the cheapest ones to send.
 *
 * @param prefixes in order, full offload first and local last
 * @returns by ascending id
 */
export function chooseCuts<T extends CutSize>(
  prefixes: readonly T[],
  { proposed, least, most }: ChooseOptions<T>,
): T[] {
  const ends = [prefixes[0], prefixes.at(-1)].filter((cut) => cut !== undefined);
  const chosen = new Set<T>([...ends, ...proposed]);
  for (const cut of narrowest(prefixes)) if (chosen.size < most) chosen.add(cut);
  const boundaries = prefixes.filter((cut, index) => chosen.has(cut) || isBoundary(prefixes, index));
  for (const among of [boundaries, prefixes]) {
    while (chosen.size < least) {
      const next = cheapestOfWidestGap(among, chosen);
      if (next === undefined) break;
      chosen.add(next);
    }
  }
  return [...chosen].sort((a, b) => a.id - b.id);
}

/** Those that send less than all before them, the largest savings first. */
function narrowest<T extends CutSize>(prefixes: readonly T[]): readonly T[] {
  let leastBytes = prefixes[0]?.bytesUp ?? 0;
  const found: { readonly cut: T; readonly kept: number }[] = [];
  for (const cut of prefixes.slice(1, -1)) {
    if (cut.bytesUp >= leastBytes) continue;
    found.push({ cut, kept: cut.bytesUp / leastBytes });
    leastBytes = cut.bytesUp;
  }
  return found.sort((a, b) => a.kept - b.kept).map(({ cut }) => cut);
}

/** Between blocks: one tensor crosses, and what comes next is not an activation that would have been fused. */
function isBoundary(prefixes: readonly CutSize[], index: number): boolean {
  const [cut, next] = [prefixes[index], prefixes[index + 1]];
  return cut?.crossing.length === 1 && !(next?.crossing.length === 1 && next.bytesUp === cut.bytesUp);
}

/** Gaps are measured in FLOPs; their outer quarters are too near to what is chosen already. */
function cheapestOfWidestGap<T extends CutSize>(prefixes: readonly T[], chosen: ReadonlySet<T>): T | undefined {
  const kept = prefixes.filter((cut) => chosen.has(cut));
  let widest = -1;
  let best: T | undefined;
  for (const [index, from] of kept.entries()) {
    const to = kept[index + 1];
    if (to === undefined) break;
    const width = to.headFlops - from.headFlops;
    const between = prefixes.slice(prefixes.indexOf(from) + 1, prefixes.indexOf(to));
    if (width <= widest || between.length === 0) continue;
    const middle = between.filter(({ headFlops }) => Math.abs(headFlops - from.headFlops - width / 2) <= width / 4);
    widest = width;
    best = (middle.length > 0 ? middle : between).reduce((a, b) => (b.bytesUp < a.bytesUp ? b : a));
  }
  return best;
}
