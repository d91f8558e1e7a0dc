import { describe, expect, it } from 'vitest';
import { LOADS, NETWORKS } from '../protocol.js';
import { syntheticProfile } from '../testing/synthetic-profile.js';
import { bootstrap } from './bootstrap.js';
import { runAll } from './pool.js';
import { resultsOf } from './results.js';
import type { Setup } from './setup.js';
import { weightedQuantile } from './summary.js';
import { collect, tasksOf } from './tasks.js';

function tinySetup(seed: number): Setup {
  return {
    parts: ['headline', 'grid', 'reaction', 'clients'],
    profiles: NETWORKS.map(syntheticProfile),
    networks: [0, 1],
    device: 'small-board',
    edge: 'gpu-scaled',
    seeds: [seed, seed + 1],
    stepMs: 2_000,
    futures: 4,
    fixedArms: 5,
    grid: { links: [{ kind: 'lte' }], loads: LOADS.slice(0, 1), seeds: [seed], cellMs: 2_000 },
    clients: { count: 6, durationMs: 2_000, seeds: [seed] },
    reaction: { seeds: [seed], holdMs: 1_500 },
  };
}

/** What the last line of the output holds at least; `decision` is of the wall clock and added by the bench. */
const SAME_ARMS_FIGURES = [
  'vsNeurosurgeonMeanPct',
  'vsNeurosurgeonMaxPct',
  'vsLoadpartMeanPct',
  'worstNetworkVsLoadpartPct',
  'gainCapturedPct',
  'loadpartGainCapturedPct',
  'regretMeanPct',
  'regretP95Pct',
];
const ALL_ARMS_FIGURES = [
  'vsLoadpartMeanPct',
  'vsCompressedOffloadMeanPct',
  'regretMeanPct',
  'regretP95Pct',
  'worstCellVsBestBaselinePct',
];
const REACTION_FIGURES = ['bandwidthStepInferences', 'loadStepInferences'];

async function resultsFor(seed: number) {
  const setup = tinySetup(seed);
  return resultsOf(setup, collect(await runAll(setup, tasksOf(setup), 0)));
}

describe('resultsOf', () => {
  it('says the same for the same seed, to the last digit, and has every figure', async () => {
    const [first, second, other] = [await resultsFor(1), await resultsFor(1), await resultsFor(9)];
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
    expect(JSON.stringify(other)).not.toBe(JSON.stringify(first));
    const { sameArms = {}, allArms = {}, reaction = {} } = first;
    for (const [of, names] of [
      [sameArms, SAME_ARMS_FIGURES],
      [allArms, ALL_ARMS_FIGURES],
      [reaction, REACTION_FIGURES],
    ] as const) {
      const figures = new Map<string, unknown>(Object.entries(JSON.parse(JSON.stringify(of))));
      expect(names.filter((name) => !Number.isFinite(figures.get(name)))).toEqual([]);
    }
    expect(first.allArms?.cells).toHaveLength(2);
    expect(first.allArms?.links?.map(({ link, cells }) => [link, cells])).toEqual([['LTE', 2]]);
    expect(first.clients?.policies.map(({ contestant }) => contestant)).toContain('cutpoint without stagger');
  });

  it('has the informed oracle capture all of its own gain and regret nothing', async () => {
    const { sameArms } = await resultsFor(1);
    const informed = sameArms?.contestants.find(({ contestant }) => contestant === 'informed');
    expect(informed?.regretMeanPct?.value).toBeCloseTo(0, 6);
    expect(informed?.nearOraclePct).toBe(100);
  });
});

describe('weightedQuantile', () => {
  it('goes by weight, not by number', () => {
    const runs = [{ values: [1, 2, 3, 100], weights: [1, 1, 1, 7] }];
    expect(weightedQuantile(runs, 0.3)).toBe(3);
    expect(weightedQuantile(runs, 0.31)).toBe(100);
  });
});

describe('bootstrap', () => {
  it('holds the mean of a known sample in an interval of about two standard errors', () => {
    const values = Array.from({ length: 40 }, (_, index) => (index * 7_919) % 100);
    const mean = (drawn: readonly number[]) => drawn.reduce((sum, at) => sum + (values[at] ?? 0), 0) / drawn.length;
    const { value, low, high } = bootstrap(values.length, 2_000, 1, mean);
    const deviation = Math.sqrt(values.reduce((sum, each) => sum + (each - value) ** 2, 0) / values.length);
    expect((high - low) / 2 / ((1.96 * deviation) / Math.sqrt(40))).toBeCloseTo(1, 0);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
  });
});
