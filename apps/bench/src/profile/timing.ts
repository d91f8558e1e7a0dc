import { median, quantile } from '../statistics.js';

/** How long something takes, from several runs of it. */
export interface Timing {
  /** Median of the runs that count. */
  readonly ms: number;
  /** Between the quartiles, as a share of the median. */
  readonly spread: number;
  /** How many counted. */
  readonly runs: number;
}

/**
 * @param times ms of each run, in order
 * @param warmUp that many runs do not count, yet never more than half of them
 */
export function timingOf(times: readonly number[], warmUp: number): Timing {
  const counted = times.slice(Math.min(warmUp, Math.floor(times.length / 2)));
  const ms = median(counted);
  return { ms, spread: (quantile(counted, 0.75) - quantile(counted, 0.25)) / ms, runs: counted.length };
}

/** Other work on the machine only ever adds time. */
export function quicker(a: Timing, b: Timing): Timing {
  return b.ms < a.ms ? b : a;
}
