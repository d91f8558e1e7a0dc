import { round } from '../../statistics.js';
import { cellFigures, linkFigures } from './cell-figures.js';
import { gainCaptured, reductionOf } from './comparison.js';
import type { Crowd } from './crowd.js';
import { byContestant, figuresOf, type Runs } from './figures.js';
import { reactionFigures } from './reaction-figures.js';
import type { Setup } from './setup.js';
import type { Outcomes } from './tasks.js';

/** What ours is compared with in every cell. */
const BASELINES = ['local', 'offload-compressed', 'loadpart'];

export type Results = ReturnType<typeof resultsOf>;

/**
 * The figures of all outcomes; parts that were not run are `undefined`. Percentages are reductions of mean latency,
 * positive when `cutpoint` is faster, unless their name says regret.
 */
export function resultsOf(setup: Setup, { headline, cells, reactions, crowds }: Outcomes) {
  const groups = headline.length === 0 ? undefined : groupsOf(setup, headline);
  return {
    seeds: setup.seeds,
    sameArms: groups && sameArmsOf(groups),
    allArms:
      groups || cells.length > 0
        ? { ...(groups && allArmsOf(groups)), ...(cells.length > 0 && cellsOf(cells)) }
        : undefined,
    reaction: reactions.length === 0 ? undefined : reactionFigures(reactions),
    clients: crowds.length === 0 ? undefined : { count: setup.clients.count, policies: crowds.map(withoutSeries) },
  };
}

interface Groups {
  readonly same: ReadonlyMap<string, Runs>;
  readonly all: ReadonlyMap<string, Runs>;
}

function groupsOf(setup: Setup, headline: Outcomes['headline']): Groups {
  const seeds = setup.seeds.length;
  return { same: byContestant(headline, 'same', seeds), all: byContestant(headline, 'all', seeds) };
}

function sameArmsOf({ same }: Groups) {
  const vsNeurosurgeon = reductionOf(runsOf(same, 'cutpoint'), runsOf(same, 'neurosurgeon'));
  const vsLoadpart = reductionOf(runsOf(same, 'cutpoint'), runsOf(same, 'loadpart'));
  const [base, oracle] = [runsOf(same, 'neurosurgeon'), runsOf(same, 'informed')];
  const gain = gainCaptured(runsOf(same, 'cutpoint'), base, oracle);
  const loadpartGain = gainCaptured(runsOf(same, 'loadpart'), base, oracle);
  const contestants = [...same].map(([name, runs]) => figuresOf(name, runs));
  const ours = contestants.find(({ contestant }) => contestant === 'cutpoint');
  return {
    vsNeurosurgeonMeanPct: vsNeurosurgeon.meanPct.value,
    vsNeurosurgeonMaxPct: vsNeurosurgeon.maxPct,
    /** At best in any one network and level of load. */
    vsNeurosurgeonMaxLevelPct: vsNeurosurgeon.maxLevelPct,
    vsLoadpartMeanPct: vsLoadpart.meanPct.value,
    vsLoadpartMaxLevelPct: vsLoadpart.maxLevelPct,
    worstNetworkVsLoadpartPct: vsLoadpart.worstPct,
    worstNetworkVsLoadpart: vsLoadpart.worstNetwork,
    gainCapturedPct: gain.value,
    loadpartGainCapturedPct: loadpartGain.value,
    regretMeanPct: ours?.regretMeanPct?.value,
    regretP95Pct: ours?.regretP95Pct,
    intervals: {
      vsNeurosurgeonMeanPct: vsNeurosurgeon.meanPct,
      vsLoadpartMeanPct: vsLoadpart.meanPct,
      gainCapturedPct: gain,
      loadpartGainCapturedPct: loadpartGain,
      regretMeanPct: ours?.regretMeanPct,
    },
    byNetwork: { vsNeurosurgeonPct: vsNeurosurgeon.byNetwork, vsLoadpartPct: vsLoadpart.byNetwork },
    contestants,
  };
}

function allArmsOf({ same, all }: Groups) {
  const vsLoadpart = reductionOf(runsOf(all, 'cutpoint'), runsOf(same, 'loadpart'));
  const vsCompressed = reductionOf(runsOf(all, 'cutpoint'), runsOf(all, 'offload-compressed'));
  const contestants = [...all].map(([name, runs]) => figuresOf(name, runs));
  const ours = contestants.find(({ contestant }) => contestant === 'cutpoint');
  return {
    vsLoadpartMeanPct: vsLoadpart.meanPct.value,
    vsCompressedOffloadMeanPct: vsCompressed.meanPct.value,
    regretMeanPct: ours?.regretMeanPct?.value,
    regretP95Pct: ours?.regretP95Pct,
    intervals: {
      vsLoadpartMeanPct: vsLoadpart.meanPct,
      vsCompressedOffloadMeanPct: vsCompressed.meanPct,
      regretMeanPct: ours?.regretMeanPct,
    },
    byNetwork: { vsLoadpartPct: vsLoadpart.byNetwork, vsCompressedOffloadPct: vsCompressed.byNetwork },
    contestants,
  };
}

function cellsOf(cells: Outcomes['cells']) {
  const figures = cellFigures(cells, BASELINES);
  return {
    /** The least reduction in any cell: negative when ours is slower there than the best baseline. */
    worstCellVsBestBaselinePct: figures[0]?.vsBestBaselinePct,
    links: linkFigures(
      cells.map(({ link }) => link),
      figures,
    ),
    /** The worst first. */
    cells: figures,
  };
}

function runsOf(group: ReadonlyMap<string, Runs>, name: string): Runs {
  return group.get(name) ?? [];
}

function withoutSeries({ offloading: _, ...crowd }: Crowd) {
  return {
    ...crowd,
    meanMs: round(crowd.meanMs, 1),
    p50Ms: round(crowd.p50Ms, 1),
    p95Ms: round(crowd.p95Ms, 1),
    p99Ms: round(crowd.p99Ms, 1),
    switchShare: round(crowd.switchShare, 4),
    offloadingMean: round(crowd.offloadingMean, 1),
    offloadingDeviation: round(crowd.offloadingDeviation, 4),
    oscillation: round(crowd.oscillation, 2),
    largestSwing: round(crowd.largestSwing, 3),
  };
}
