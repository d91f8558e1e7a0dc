import { round } from '../../statistics.js';
import type { Interval } from './bootstrap.js';
import { bootstrapped, mean, meanOver, type Runs, toPct } from './figures.js';
import { meanLatency, type RunSummary } from './summary.js';

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
  const perSeed = (runs: Runs) => runs.map((ofSeed) => mean(ofSeed.map(meanLatency)));
  const means = { policy: perSeed(policy), base: perSeed(base), oracle: perSeed(oracle) };
  return bootstrapped(policy.length, (drawn) => {
    const at = (values: readonly number[]) => mean(drawn.map((seed) => values[seed] ?? 0));
    return toPct((at(means.base) - at(means.policy)) / (at(means.base) - at(means.oracle)));
  });
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
