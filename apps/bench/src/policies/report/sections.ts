import { LOADS, STEP_NAMES } from '../protocol.js';
import type { ContestantFigures } from '../run/figures.js';
import { type RunSummary, regretShare } from '../run/summary.js';
import type { Outcomes } from '../run/tasks.js';
import { type BarGroup, barChart, heatMap, legend, lineChart, type Series } from './charts.js';

/** Who is drawn in plots over the same arms and over all arms; the tables have the others. */
const SAME = ['neurosurgeon', 'loadpart', 'cutpoint', 'informed'];
const ALL = ['local', 'loadpart', 'offload-compressed', 'cutpoint', 'informed'];
const BINS_PER_LEVEL = 6;

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly charts: readonly string[];
  readonly legend?: string;
  /** How much room one chart takes. */
  readonly size?: 'half' | 'wide';
}

type Headline = Outcomes['headline'];

/** Runs that a plot is about: over the same arms as the papers', or over all, to which the others' are added. */
function runsOf(headline: Headline, set: 'same' | 'all'): RunSummary[] {
  if (set === 'same') return headline.flatMap(({ same }) => same);
  return headline.flatMap(({ same, all }) => [
    ...all,
    ...same.filter(({ contestant }) => contestant === 'local' || contestant === 'loadpart'),
  ]);
}

export function latencyOverTime(headline: Headline, set: 'same' | 'all', stepMs: number): Section {
  const runs = runsOf(headline, set);
  const names = set === 'same' ? SAME : ALL;
  const levels = [...LOADS, ...LOADS.toReversed().slice(1)];
  const stepSeconds = stepMs / 1000;
  const bands = levels.map(({ name }, index) => ({
    from: index * stepSeconds,
    to: (index + 1) * stepSeconds,
    label: STEP_NAMES[name] ?? name,
  }));
  const charts = networksOf(runs).map((network) => {
    const series = names.map((name): Series => {
      const own = runs.filter((run) => run.network === network && run.contestant === name);
      return { name, points: binned(own, levels.length, stepMs) };
    });
    const values = series.flatMap(({ points }) => points.map(([, ms]) => ms));
    return lineChart(series, {
      title: network,
      x: { label: 'seconds', range: [0, levels.length * stepSeconds] },
      y: { label: 'mean latency, ms', range: [0.9 * Math.min(...values), 1.1 * Math.max(...values)], isLog: true },
      bands,
    });
  });
  return {
    title: `Latency through the load steps, ${set === 'same' ? 'same arms' : 'all arms'}`,
    text:
      'Mean over seeds in each part of a level. The load goes up from idle over 30, 50, 70 and 90 % and 100 % light to ' +
      '100 % heavy, and down again.',
    charts,
    legend: legend(names),
  };
}

export function latencyDistribution(headline: Headline): Section {
  const charts = (['same', 'all'] as const).map((set) => {
    const runs = runsOf(headline, set);
    const names = set === 'same' ? ['local', 'offload', ...SAME] : ALL;
    const series = names.map((name): Series => {
      const own = runs.filter(({ contestant }) => contestant === name);
      return { name, points: distribution(own, ({ latencyMs }) => latencyMs) };
    });
    const values = series.flatMap(({ points }) => points.map(([ms]) => ms));
    return lineChart(series, {
      title: set === 'same' ? 'same arms' : 'all arms',
      x: { label: 'latency, ms', range: [Math.min(...values), Math.max(...values)], isLog: true },
      y: { label: 'share of inferences', range: [0, 1] },
      width: 520,
      height: 280,
    });
  });
  return {
    title: 'Distribution of latency',
    size: 'half',
    text: 'All six networks, all levels of load, each level with the same weight.',
    charts,
    legend: legend([...new Set(['local', 'offload', ...SAME, ...ALL])]),
  };
}

export function latencyByNetwork(same: readonly ContestantFigures[], all: readonly ContestantFigures[]): Section {
  const names = [
    'local',
    'neurosurgeon',
    'loadpart',
    'cutpoint (same arms)',
    'offload-compressed',
    'cutpoint',
    'informed',
  ];
  const rowOf = (name: string) =>
    name === 'cutpoint' || name === 'informed' || name === 'offload-compressed'
      ? all.find(({ contestant }) => contestant === name)
      : same.find(({ contestant }) => contestant === name.replace(/ \(.*\)$/, ''));
  const networks = Object.keys(same[0]?.byNetwork ?? {});
  const groups = networks.map(
    (network): BarGroup => ({
      name: network,
      bars: names.flatMap((name) => {
        const interval = rowOf(name)?.byNetwork[network];
        return interval === undefined ? [] : { name, ...interval };
      }),
    }),
  );
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const range: [number, number] = [0.7 * Math.min(...values), 1.3 * Math.max(...values)];
  const chart = barChart(groups, {
    title: 'mean latency, ms',
    y: { label: 'ms', range, isLog: true },
    width: 1_000,
    height: 300,
  });
  return {
    title: 'Mean latency by network',
    text:
      'Over the load steps, with 95 % bootstrap intervals over seeds. Of each group: local, neurosurgeon, loadpart, cutpoint ' +
      'over the same arms; then compressed offload, cutpoint and the informed oracle over all arms. The scale is logarithmic.',
    charts: [chart],
    legend: legend(names.filter((name) => !name.includes('('))),
    size: 'wide',
  };
}

export function regretDistribution(headline: Headline): Section {
  const charts = (['same', 'all'] as const).map((set) => {
    const names = (set === 'same' ? SAME : ALL).filter((name) => name !== 'informed');
    const runs = runsOf(headline, set).filter(
      ({ contestant, informedMs }) => informedMs.length > 0 && (set === 'same' || contestant !== 'loadpart'),
    );
    const series = names.map((name): Series => {
      const own = runs.filter(({ contestant }) => contestant === name);
      return { name, points: distribution(own, (run) => regretShare(run, run.informedMs).map((share) => 100 * share)) };
    });
    return lineChart(
      series.filter(({ points }) => points.length > 1),
      {
        title: set === 'same' ? 'same arms' : 'all arms',
        x: { label: 'regret against the informed oracle, %', range: [-20, 100] },
        y: { label: 'share of inferences', range: [0, 1] },
        width: 520,
        height: 280,
      },
    );
  });
  return {
    title: 'Regret',
    size: 'half',
    text:
      'What an inference took longer than the informed oracle’s arm would have in the same state and the same future. Below 0 ' +
      'is luck: the oracle knows the state, not what comes.',
    charts,
    legend: legend(SAME.filter((name) => name !== 'informed').concat('offload-compressed', 'local')),
  };
}

export function chosenCuts(cells: Outcomes['cells']): Section {
  const links = unique(cells.map(({ link }) => link)).filter((link) => / 20 ms$/.test(link));
  const loads = unique(cells.map(({ load }) => load));
  const charts = unique(cells.map(({ network }) => network)).flatMap((network) =>
    (['cutShare', 'oracleCutShare'] as const).map((which) =>
      heatMap({
        title: `${network}: ${which === 'cutShare' ? 'cutpoint' : 'informed oracle'}`,
        columns: loads.map((load) => STEP_NAMES[load] ?? load),
        rows: links.map((link) => link.replace(', 20 ms', '').replace(' Mbit/s', ' Mb/s')),
        values: links.map((link) =>
          loads.map((load) => {
            const cell = cells.find((each) => each.network === network && each.link === link && each.load === load);
            const share = cell?.[which] ?? Number.NaN;
            return { share, text: Number.isNaN(share) ? '' : `${Math.round(100 * share)}` };
          }),
        ),
      }),
    ),
  );
  return {
    title: 'Chosen cut over bandwidth and load',
    text: 'Share of the network’s work that runs on the device, in %, of the arm that was chosen most often: 0 is full offload, 100 is local. Round trip 20 ms, all arms.',
    charts,
  };
}

export function reactionTimelines(reactions: Outcomes['reactions'], holdMs: number): Section {
  const steps = unique(reactions.map(({ step, armSet }) => `${step}|${armSet}`));
  const charts = steps.map((key) => {
    const [step = '', armSet = ''] = key.split('|');
    const own = reactions.filter((reaction) => reaction.step === step && reaction.armSet === armSet);
    const holdSeconds = holdMs / 1000;
    const series = own.map(
      ({ timeline }): Series => ({
        name: 'cutpoint',
        points: timeline.map(({ seconds, regret }) => [seconds, 100 * regret] as const),
      }),
    );
    return lineChart(series, {
      title: `${step}, ${armSet} arms`,
      x: { label: 'seconds since the change for the worse', range: [-5, Math.min(2 * holdSeconds, holdSeconds + 25)] },
      y: { label: 'expected regret, %', range: [0, 100] },
      bands: [
        { from: -5, to: 0, label: 'good' },
        { from: 0, to: holdSeconds, label: 'bad' },
        { from: holdSeconds, to: Math.min(2 * holdSeconds, holdSeconds + 25), label: 'good' },
      ],
    });
  });
  return {
    title: 'After a step',
    text: 'One line for each network and seed: by how much the arm in use was slower than the best one.',
    charts,
  };
}

export function crowds(all: Outcomes['crowds']): Section {
  const charts = unique(all.map(({ load }) => load)).map((load) => {
    const own = all.filter((crowd) => crowd.load === load);
    const series = own.map(
      ({ contestant, offloading }): Series => ({
        name: contestant,
        points: offloading.map((count, second) => [second, count]),
      }),
    );
    const seconds = Math.max(...own.map(({ offloading }) => offloading.length));
    return lineChart(series, {
      title: `edge otherwise ${load}`,
      x: { label: 'seconds', range: [0, seconds] },
      y: {
        label: 'clients that offload',
        range: [0, Math.max(1, ...own.flatMap(({ offloading }) => offloading)) * 1.05],
      },
      width: 520,
      height: 260,
    });
  });
  return {
    title: 'Many clients of one edge',
    size: 'half',
    text: 'All with the same policy. Lines that swing are clients that move to and fro together.',
    charts,
    legend: legend(unique(all.map(({ contestant }) => contestant))),
  };
}

function binned(runs: readonly RunSummary[], levels: number, stepMs: number): (readonly [number, number])[] {
  const binMs = stepMs / BINS_PER_LEVEL;
  const bins = Array.from({ length: levels * BINS_PER_LEVEL }, () => ({ sum: 0, count: 0 }));
  for (const { startMs, latencyMs, originMs } of runs) {
    for (const [index, atMs] of startMs.entries()) {
      const bin = bins[Math.floor((atMs - originMs) / binMs)];
      if (bin === undefined) continue;
      bin.sum += latencyMs[index] ?? 0;
      bin.count += 1;
    }
  }
  return bins.flatMap(({ sum, count }, index) =>
    count === 0 ? [] : [[((index + 0.5) * binMs) / 1000, sum / count] as const],
  );
}

/** Share of the weight up to each of some values. */
function distribution(
  runs: readonly RunSummary[],
  of: (run: RunSummary) => ArrayLike<number>,
): (readonly [number, number])[] {
  const entries = runs.flatMap((run) => {
    const values = of(run);
    return Array.from(run.weights, (weight, index) => [values[index] ?? 0, weight] as const);
  });
  entries.sort(([a], [b]) => a - b);
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  const points: (readonly [number, number])[] = [];
  let passed = 0;
  let next = 0;
  for (const [value, weight] of entries) {
    passed += weight;
    // A point for each half per cent is finer than a line is wide.
    if (passed < next * total) continue;
    points.push([value, passed / total]);
    next = passed / total + 0.005;
  }
  return points;
}

function networksOf(runs: readonly RunSummary[]): string[] {
  return unique(runs.map(({ network }) => network));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
