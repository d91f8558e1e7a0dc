/** What the choice of cuts to time looks at, in the order of their work: the empty head first, the local cut last. */
export interface CutShape {
  readonly bytesUp: number;
  readonly headFlops: number;
  /** Among the cheapest under some conditions, by costs that add up. */
  readonly isProposed?: boolean;
}

/**
 * Chooses which cuts to time: both ends, the proposed cuts, narrowest first, then the cuts on the lower hull of bytes over FLOPs (for some link speed one of
 * them is the best), narrowest first, and with what is left of `count` the middles of the widest gaps in FLOPs, so that
 * no interpolation reaches far.
 *
 * @returns positions in `cuts`, ascending.
 */
export function chooseTimedCuts(cuts: readonly CutShape[], count: number): readonly number[] {
  const last = cuts.length - 1;
  if (last < 1) return last < 0 ? [] : [0];
  const chosen = new Set([0, last]);
  const inside = Array.from({ length: last - 1 }, (_, position) => position + 1);
  const proposed = inside.filter((position) => cuts[position]?.isProposed === true);
  for (const position of proposed.sort((a, b) => bytesAt(cuts, a) - bytesAt(cuts, b))) {
    if (chosen.size < count) chosen.add(position);
  }
  // Half for the hull: the other half keeps the gaps small.
  const byBytes = lowerHull(cuts.slice(0, last)).sort((a, b) => bytesAt(cuts, a) - bytesAt(cuts, b));
  const hullCount = Math.max(1, Math.ceil((count - 2) / 2));
  for (const position of byBytes.slice(0, hullCount)) if (chosen.size < count) chosen.add(position);
  while (chosen.size < count) {
    const middle = middleOfWidestGap(cuts, [...chosen].sort(ascending));
    if (middle === undefined) break;
    chosen.add(middle);
  }
  return [...chosen].sort(ascending);
}

/** Positions on the lower convex hull of (FLOPs, bytes); the local cut sends nothing and is left out by the caller. */
function lowerHull(cuts: readonly CutShape[]): number[] {
  const order = cuts
    .map((_, position) => position)
    .sort((a, b) => flopsAt(cuts, a) - flopsAt(cuts, b) || bytesAt(cuts, a) - bytesAt(cuts, b));
  const hull: number[] = [];
  for (const position of order) {
    while (hull.length >= 2 && !turnsLeft(cuts, hull.at(-2) ?? 0, hull.at(-1) ?? 0, position)) hull.pop();
    hull.push(position);
  }
  return hull;
}

function turnsLeft(cuts: readonly CutShape[], a: number, b: number, c: number): boolean {
  const [abFlops, abBytes] = [flopsAt(cuts, b) - flopsAt(cuts, a), bytesAt(cuts, b) - bytesAt(cuts, a)];
  const [acFlops, acBytes] = [flopsAt(cuts, c) - flopsAt(cuts, a), bytesAt(cuts, c) - bytesAt(cuts, a)];
  return abFlops * acBytes - abBytes * acFlops > 0;
}

/** In the widest gap the cut nearest to its middle, the narrower one of two that are equally near. */
function middleOfWidestGap(cuts: readonly CutShape[], chosen: readonly number[]): number | undefined {
  let widest: { readonly from: number; readonly to: number; readonly flops: number } | undefined;
  for (let i = 1; i < chosen.length; i++) {
    const [from, to] = [chosen[i - 1] ?? 0, chosen[i] ?? 0];
    const flops = flopsAt(cuts, to) - flopsAt(cuts, from);
    if (to - from > 1 && (widest === undefined || flops > widest.flops)) widest = { from, to, flops };
  }
  if (widest === undefined) return undefined;
  const target = flopsAt(cuts, widest.from) + widest.flops / 2;
  let best = widest.from + 1;
  for (let position = best + 1; position < widest.to; position++) {
    const distance = Math.abs(flopsAt(cuts, position) - target) - Math.abs(flopsAt(cuts, best) - target);
    if (distance < 0 || (distance === 0 && bytesAt(cuts, position) < bytesAt(cuts, best))) best = position;
  }
  return best;
}

/** A cut that was timed, at its place along the work of the network. */
export interface TimedPoint {
  /** Any measure that grows from cut to cut: FLOPs of the head, or its time in a variant that was timed closely. */
  readonly work: number;
  readonly headMs: number;
  readonly tailMs: number;
}

/**
 * Times of a cut that was not timed, between its timed neighbours. Heads never get faster and tails never slower along
 * the work: where noise says otherwise the neighbours are levelled first (pool adjacent violators). The timed cuts
 * keep their own figures.
 */
export function timeInterpolator(
  points: readonly TimedPoint[],
): (work: number) => { readonly headMs: number; readonly tailMs: number } {
  const sorted = [...points].sort((a, b) => a.work - b.work);
  const works = sorted.map((point) => point.work);
  const heads = levelled(sorted.map((point) => point.headMs));
  const tails = levelled(sorted.map((point) => -point.tailMs)).map((value) => 0 - value);
  return (work) => ({ headMs: interpolate(works, heads, work), tailMs: interpolate(works, tails, work) });
}

function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const after = xs.findIndex((candidate) => candidate >= x);
  if (after === -1) return ys.at(-1) ?? 0;
  const [x1, y1] = [xs[after] ?? 0, ys[after] ?? 0];
  const [x0, y0] = [xs[after - 1] ?? x1, ys[after - 1] ?? y1];
  return x1 === x0 ? y1 : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** The non-decreasing sequence nearest to `values` in least squares. */
function levelled(values: readonly number[]): number[] {
  const pools: { sum: number; size: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, size: 1 };
    for (
      let last = pools.at(-1);
      last !== undefined && last.sum / last.size > pool.sum / pool.size;
      last = pools.at(-1)
    ) {
      pool = { sum: last.sum + pool.sum, size: last.size + pool.size };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, size }) => new Array<number>(size).fill(sum / size));
}

const ascending = (a: number, b: number): number => a - b;
const bytesAt = (cuts: readonly CutShape[], position: number): number => cuts[position]?.bytesUp ?? 0;
const flopsAt = (cuts: readonly CutShape[], position: number): number => cuts[position]?.headFlops ?? 0;
