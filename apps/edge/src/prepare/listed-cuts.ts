import type { CutShape } from './timed-cuts.js';

/** Networks with no more cuts than this are listed whole. */
const ALL_UP_TO = 128;
/** Of a larger one, cuts nearer to each other than this share of the FLOPs cannot be told apart by their times. */
const GROUP_FLOPS_SHARE = 0.01;
/** Where nodes cost next to nothing, a group still ends after this many cuts, so that there is a cut everywhere. */
const GROUP_CUTS = 8;

/**
 * Which cuts a table lists. A network of 400 nodes has 400 prefix cuts, each with two graphs of up to 60 KB, and most
 * differ from a neighbour by a Reshape or an Add. Neighbours that do almost the same work are put into one group, and
 * of a group only the narrowest cut is listed: the others send more for a head and a tail that take as long.
 *
 * @param cuts prefix cuts in order. @returns positions, ascending; the first and the last cut are always among them.
 */
export function chooseListedCuts(cuts: readonly CutShape[]): readonly number[] {
  const last = cuts.length - 1;
  if (cuts.length <= ALL_UP_TO) return cuts.map((_, position) => position);
  const groupFlops = (cuts[last]?.headFlops ?? 0) * GROUP_FLOPS_SHARE;
  const listed = [0];
  let start = 1;
  while (start < last) {
    let narrowest = start;
    let end = start;
    while (end < last && end - start < GROUP_CUTS && flopsBetween(cuts, start, end) <= groupFlops) {
      if ((cuts[end]?.bytesUp ?? 0) < (cuts[narrowest]?.bytesUp ?? 0)) narrowest = end;
      end++;
    }
    listed.push(narrowest);
    start = end;
  }
  return [...listed, last];
}

function flopsBetween(cuts: readonly CutShape[], from: number, to: number): number {
  return (cuts[to]?.headFlops ?? 0) - (cuts[from]?.headFlops ?? 0);
}
