import { quantile, round } from '../statistics.js';

/** Two ways of doing the same, measured in turns: ms of each run. */
export interface Compared {
  readonly ownMs: readonly number[];
  readonly otherMs: readonly number[];
}

/** How many times longer the one takes, at a quantile of each. */
export function quantileRatio({ ownMs, otherMs }: Compared, q: number): number {
  return round(quantile(ownMs, q) / quantile(otherMs, q));
}

/** What grew in %, from the first to the last of its sizes; `null` where there is nothing to grow. */
export function growthPct(sizes: readonly number[]): number | null {
  const [first, last] = [sizes[0], sizes.at(-1)];
  return first === undefined || last === undefined || first === 0 ? null : round((last / first - 1) * 100, 2);
}

/** The largest of those that there are. */
export function largest(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : Math.max(...there);
}

/** For printing. */
export function ms(value: number): string {
  return `${round(value, 1)} ms`;
}
