import { median, round } from '../../statistics.js';
import { BOOTSTRAP_RESAMPLES } from '../protocol.js';
import { bootstrap, type Interval } from './bootstrap.js';
import type { GridCell } from './grid.js';
import type { HeadlineResult } from './headline.js';
import type { Reaction } from './reaction.js';
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
  readonly byNetwork: Readonly<Record<string, number>>;
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
        round(
          meanOver(
            all.filter((run) => run.network === network),
            meanLatency,
          ),
          2,
        ),
      ]),
    ),
  };
}

/** By how much ours is faster than another, in % of the other: in the mean over networks, at best and at worst. */
export interface Reduction {
  readonly meanPct: Interval;
  readonly maxPct: number;
  readonly worstPct: number;
  readonly worstNetwork: string;
  readonly byNetwork: Readonly<Record<string, number>>;
  /** At best in any network and level of load. */
  readonly maxLevelPct: number;
}

export function reductionOf(ours: Runs, other: Runs): Reduction {
  const networks = [...new Set(ours.flat().map(({ network }) => network))];
  const seedsOf = (runs: Runs) => runs.map((_, seed) => seed);
  const means = networks.map((network) => ({ network, ours: meansOf(ours, network), other: meansOf(other, network) }));
  const of = (seeds: readonly number[], network: string) => {
    const entry = means.find((known) => known.network === network);
    const sum = (values: readonly number[] = []) => seeds.reduce((total, seed) => total + (values[seed] ?? 0), 0);
    return toPct(1 - sum(entry?.ours) / sum(entry?.other));
  };
  const each = networks.map((network) => ({ network, pct: of(seedsOf(ours), network) }));
  const worst = each.reduce((least, entry) => (entry.pct < least.pct ? entry : least));
  const levels = networks.flatMap((network) => {
    const count = 1 + Math.max(...(ours[0]?.[0]?.level ?? [0]));
    return Array.from({ length: count }, (_, level) => {
      const at = (runs: Runs) => meanIn(runs, seedsOf(runs), network, (run) => levelMean(run, level));
      return toPct(1 - at(ours) / at(other));
    });
  });
  return {
    meanPct: bootstrapped(ours.length, (drawn) => mean(networks.map((network) => of(drawn, network)))),
    maxPct: round(Math.max(...each.map(({ pct }) => pct)), 2),
    worstPct: round(worst.pct, 2),
    worstNetwork: worst.network,
    byNetwork: Object.fromEntries(each.map(({ network, pct }) => [network, round(pct, 2)])),
    maxLevelPct: round(Math.max(...levels.filter((pct) => Number.isFinite(pct))), 2),
  };
}

/** Share of what the informed oracle gains over bandwidth alone that a policy gains, in %. */
export function gainCaptured(policy: Runs, base: Runs, oracle: Runs): Interval {
  return bootstrapped(policy.length, (drawn) => {
    const at = (runs: Runs) =>
      meanOver(
        drawn.flatMap((seed) => runs[seed] ?? []),
        meanLatency,
      );
    return toPct((at(base) - at(policy)) / (at(base) - at(oracle)));
  });
}

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

export function reactionFigures(all: readonly Reaction[]) {
  const of = (what: Reaction['what'], value: (reaction: Reaction) => number) => {
    const values = all.filter((reaction) => reaction.what === what).map(value);
    return { max: round(Math.max(0, ...values)), median: round(median(values)) };
  };
  const local = all.filter(({ wasLocal }) => wasLocal).map(({ betterSeconds }) => betterSeconds);
  return {
    bandwidthStepInferences: of('bandwidth', ({ worseInferences }) => worseInferences).max,
    loadStepInferences: of('load', ({ worseInferences }) => worseInferences).max,
    bandwidthBetterSeconds: of('bandwidth', ({ betterSeconds }) => betterSeconds).max,
    loadBetterSeconds: of('load', ({ betterSeconds }) => betterSeconds).max,
    medians: {
      bandwidthStepInferences: of('bandwidth', ({ worseInferences }) => worseInferences).median,
      loadStepInferences: of('load', ({ worseInferences }) => worseInferences).median,
      bandwidthBetterSeconds: of('bandwidth', ({ betterSeconds }) => betterSeconds).median,
      loadBetterSeconds: of('load', ({ betterSeconds }) => betterSeconds).median,
    },
    clientsThatWereLocal: local.length,
    localBetterSeconds: { max: round(Math.max(0, ...local)), median: local.length === 0 ? null : round(median(local)) },
    slowestForTheWorse: slowest(all, ({ worseInferences }) => worseInferences),
    slowestForTheBetter: slowest(all, ({ betterSeconds }) => betterSeconds),
  };
}

function slowest(all: readonly Reaction[], of: (reaction: Reaction) => number) {
  return all
    .toSorted((a, b) => of(b) - of(a))
    .slice(0, 6)
    .map(({ timeline: _, ...reaction }) => ({ ...reaction, betterSeconds: round(reaction.betterSeconds) }));
}

function levelMean({ latencyMs, level }: RunSummary, wanted: number): number {
  let sum = 0;
  let count = 0;
  for (let index = 0; index < latencyMs.length; index++) {
    if (level[index] !== wanted) continue;
    sum += latencyMs[index] ?? 0;
    count++;
  }
  return sum / count;
}

/** Mean latency in one network, by seed. */
function meansOf(runs: Runs, network: string): readonly number[] {
  return runs.map((ofSeed) =>
    meanOver(
      ofSeed.filter((run) => run.network === network),
      meanLatency,
    ),
  );
}

function meanIn(runs: Runs, seeds: readonly number[], network: string, of: (run: RunSummary) => number): number {
  return meanOver(
    seeds.flatMap((seed) => (runs[seed] ?? []).filter((run) => run.network === network)),
    of,
  );
}

/** Of the mean over runs of a figure of each. */
function interval(runs: Runs, of: (run: RunSummary) => number): Interval {
  const figures = runs.map((ofSeed) => ofSeed.map(of));
  return bootstrapped(runs.length, (drawn) => mean(drawn.flatMap((seed) => figures[seed] ?? [])));
}

function bootstrapped(seeds: number, figure: (drawn: readonly number[]) => number): Interval {
  const { value, low, high } = bootstrap(seeds, BOOTSTRAP_RESAMPLES, 1, figure);
  return { value: round(value, 2), low: round(low, 2), high: round(high, 2) };
}

function meanOver(runs: readonly RunSummary[], of: (run: RunSummary) => number): number {
  return mean(runs.map(of));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function toPct(share: number): number {
  return 100 * share;
}
