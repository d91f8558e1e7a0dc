import { round } from '../../statistics.js';
import { BOOTSTRAP_RESAMPLES } from '../protocol.js';
import { bootstrap, type Interval } from './bootstrap.js';
import type { HeadlineResult } from './headline.js';
import {
  meanLatency,
  nearOracle,
  type RunSummary,
  regretMs,
  regretShare,
  weightedMean,
  weightedQuantile,
} from './summary.js';

/** All runs of one contestant over one set of arms: by seed, then by network. */
export type Runs = readonly (readonly RunSummary[])[];

/** What a table says of one contestant, over all networks and seeds. ms and %. */
export interface ContestantFigures {
  readonly contestant: string;
  readonly meanMs: Interval;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly missPct: number;
  readonly regretMeanMs: number | null;
  readonly regretP95Ms: number | null;
  readonly regretMeanPct: Interval | null;
  readonly regretP95Pct: number | null;
  readonly expectedRegretMeanPct: number | null;
  readonly expectedRegretP95Pct: number | null;
  readonly clairvoyantRegretMeanPct: number | null;
  readonly clairvoyantRegretP95Pct: number | null;
  readonly nearOraclePct: number | null;
  readonly switchesPerMinute: number;
  readonly kilobytesPerInference: number;
  readonly probeKilobytes: number;
  /** Mean latency in ms. */
  readonly byNetwork: Readonly<Record<string, Interval>>;
}

/** Runs by contestant. */
export function byContestant(
  results: readonly HeadlineResult[],
  set: 'same' | 'all',
  seeds: number,
): Map<string, Runs> {
  const groups = new Map<string, RunSummary[][]>();
  const networks = results.length / seeds;
  for (const [index, result] of results.entries()) {
    const seed = Math.floor(index / networks);
    const fixed = { ...result.bestFixed[set], contestant: 'best fixed arm' };
    for (const run of [...result[set], fixed]) {
      const runs = groups.get(run.contestant) ?? Array.from({ length: seeds }, () => []);
      groups.set(run.contestant, runs);
      runs[seed]?.push(run);
    }
  }
  return groups;
}

export function figuresOf(contestant: string, runs: Runs): ContestantFigures {
  const all = runs.flat();
  const judged = all.every(({ informedMs, latencyMs }) => informedMs.length === latencyMs.length);
  const column = (of: (run: RunSummary) => ArrayLike<number>) =>
    all.map((run) => ({ values: of(run), weights: run.weights }));
  const quantileOf = (of: (run: RunSummary) => ArrayLike<number>, q: number) =>
    round(weightedQuantile(column(of), q), 2);
  const meanOf = (of: (run: RunSummary) => ArrayLike<number>) =>
    round(
      meanOver(all, (run) => weightedMean(of(run), run.weights)),
      2,
    );
  const when = <T>(value: () => T) => (judged ? value() : null);
  const informed = (run: RunSummary) => regretShare(run, run.informedMs).map(toPct);
  const clairvoyant = (run: RunSummary) => regretShare(run, run.clairvoyantMs).map(toPct);
  const expected = (run: RunSummary) => run.expectedRegret.map(toPct);
  return {
    contestant,
    meanMs: interval(runs, meanLatency),
    p50Ms: quantileOf(({ latencyMs }) => latencyMs, 0.5),
    p95Ms: quantileOf(({ latencyMs }) => latencyMs, 0.95),
    p99Ms: quantileOf(({ latencyMs }) => latencyMs, 0.99),
    missPct: round(100 * meanOver(all, (run) => weightedMean(run.isLate, run.weights)), 2),
    regretMeanMs: when(() => meanOf((run) => regretMs(run, run.informedMs))),
    regretP95Ms: when(() => quantileOf((run) => regretMs(run, run.informedMs), 0.95)),
    regretMeanPct: when(() => interval(runs, (run) => weightedMean(informed(run), run.weights))),
    regretP95Pct: when(() => quantileOf(informed, 0.95)),
    expectedRegretMeanPct: when(() => meanOf(expected)),
    expectedRegretP95Pct: when(() => quantileOf(expected, 0.95)),
    clairvoyantRegretMeanPct: when(() => meanOf(clairvoyant)),
    clairvoyantRegretP95Pct: when(() => quantileOf(clairvoyant, 0.95)),
    nearOraclePct: when(() => round(100 * meanOver(all, (run) => weightedMean(nearOracle(run), run.weights)), 2)),
    switchesPerMinute: round(
      meanOver(all, (run) => run.switchesPerMinute),
      2,
    ),
    kilobytesPerInference: round(meanOver(all, (run) => weightedMean(run.bytesUp, run.weights)) / 1000, 2),
    probeKilobytes: round(meanOver(all, (run) => run.probeBytes) / 1000, 2),
    byNetwork: Object.fromEntries(
      [...new Set(all.map(({ network }) => network))].map((network) => [
        network,
        interval(
          runs.map((ofSeed) => ofSeed.filter((run) => run.network === network)),
          meanLatency,
        ),
      ]),
    ),
  };
}

/** Of the mean over runs of a figure of each. */
function interval(runs: Runs, of: (run: RunSummary) => number): Interval {
  const figures = runs.map((ofSeed) => ofSeed.map(of));
  return bootstrapped(runs.length, (drawn) => mean(drawn.flatMap((seed) => figures[seed] ?? [])));
}

export function bootstrapped(seeds: number, figure: (drawn: readonly number[]) => number): Interval {
  const { value, low, high } = bootstrap(seeds, BOOTSTRAP_RESAMPLES, 1, figure);
  return { value: round(value, 2), low: round(low, 2), high: round(high, 2) };
}

export function meanOver(runs: readonly RunSummary[], of: (run: RunSummary) => number): number {
  return mean(runs.map(of));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function toPct(share: number): number {
  return 100 * share;
}
