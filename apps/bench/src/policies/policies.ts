import type { Bench } from '../bench.js';
import { decide } from '../decide.js';
import { frontier } from '../frontier.js';
import { readOptions, USAGE } from './options.js';
import { DEVICES, EDGES, HEADLINE_LINK } from './protocol.js';
import {
  byContestant,
  type ContestantFigures,
  figuresOf,
  gainCaptured,
  type Runs,
  reactionFigures,
  reductionOf,
  worstCell,
} from './run/figures.js';
import { runAll } from './run/pool.js';
import { collect, tasksOf } from './run/tasks.js';

/** What ours is compared with in every cell. */
const BASELINES = ['local', 'offload-compressed', 'loadpart'];

/** All policies over the same load, links and noise, beside oracles that know the true state. */
export const policies: Bench = {
  summary: USAGE,
  async run(args, print) {
    const { setup, threads, quick, synthetic } = readOptions(args);
    const tasks = tasksOf(setup);
    const label = `${DEVICES['small-board'].label}, edge ${EDGES['gpu-scaled'].label}`;
    print(`${tasks.length} tasks; ${label}; ${synthetic ? 'SYNTHETIC PROFILES' : 'measured profiles'}`);
    const startedAtMs = performance.now();
    const outcomes = collect(await runAll(setup, tasks, threads));
    const seeds = setup.seeds.length;
    const same = byContestant(outcomes.headline, 'same', seeds);
    const all = byContestant(outcomes.headline, 'all', seeds);
    const of = (group: ReadonlyMap<string, Runs>, name: string): Runs => group.get(name) ?? [];
    const figures = (group: ReadonlyMap<string, Runs>) => [...group].map(([name, runs]) => figuresOf(name, runs));
    const sameFigures = figures(same);
    const allFigures = figures(all);
    const vsNeurosurgeon = reductionOf(of(same, 'cutpoint'), of(same, 'neurosurgeon'));
    const vsLoadpart = reductionOf(of(same, 'cutpoint'), of(same, 'loadpart'));
    const allVsLoadpart = reductionOf(of(all, 'cutpoint'), of(same, 'loadpart'));
    const allVsCompressed = reductionOf(of(all, 'cutpoint'), of(all, 'offload-compressed'));
    const oursSame = sameFigures.find(({ contestant }) => contestant === 'cutpoint');
    const oursAll = allFigures.find(({ contestant }) => contestant === 'cutpoint');
    const gain = gainCaptured(of(same, 'cutpoint'), of(same, 'neurosurgeon'), of(same, 'informed'));
    const loadpartGain = gainCaptured(of(same, 'loadpart'), of(same, 'neurosurgeon'), of(same, 'informed'));
    const worst = worstCell(outcomes.cells, BASELINES);
    const reaction = reactionFigures(outcomes.reactions);
    const simulatedMs = performance.now() - startedAtMs;
    const timing = await decide.run(['--decisions', '5000'], () => {});
    const frontierTiming = await frontier.run([], () => {});
    printTable('same arms (prefix cuts, raw tensors)', sameFigures, print);
    printTable('all arms', allFigures, print);
    return {
      quick,
      profiles: synthetic ? 'SYNTHETIC' : 'measured',
      device: DEVICES['small-board'].label,
      edge: EDGES['gpu-scaled'].label,
      link: HEADLINE_LINK,
      seeds,
      sameArms: {
        vsNeurosurgeonMeanPct: vsNeurosurgeon.meanPct.value,
        vsNeurosurgeonMaxPct: vsNeurosurgeon.maxPct,
        vsNeurosurgeonMaxLevelPct: vsNeurosurgeon.maxLevelPct,
        vsLoadpartMeanPct: vsLoadpart.meanPct.value,
        vsLoadpartMaxLevelPct: vsLoadpart.maxLevelPct,
        worstNetworkVsLoadpartPct: vsLoadpart.worstPct,
        worstNetworkVsLoadpart: vsLoadpart.worstNetwork,
        gainCapturedPct: gain.value,
        loadpartGainCapturedPct: loadpartGain.value,
        regretMeanPct: oursSame?.regretMeanPct?.value,
        regretP95Pct: oursSame?.regretP95Pct,
        intervals: {
          vsNeurosurgeonMeanPct: vsNeurosurgeon.meanPct,
          vsLoadpartMeanPct: vsLoadpart.meanPct,
          gainCapturedPct: gain,
          loadpartGainCapturedPct: loadpartGain,
          regretMeanPct: oursSame?.regretMeanPct,
        },
        contestants: sameFigures,
      },
      allArms: {
        vsLoadpartMeanPct: allVsLoadpart.meanPct.value,
        vsCompressedOffloadMeanPct: allVsCompressed.meanPct.value,
        regretMeanPct: oursAll?.regretMeanPct?.value,
        regretP95Pct: oursAll?.regretP95Pct,
        worstCellVsBestBaselinePct: worst.pct,
        worstCells: worst.cells,
        intervals: {
          vsLoadpartMeanPct: allVsLoadpart.meanPct,
          vsCompressedOffloadMeanPct: allVsCompressed.meanPct,
          regretMeanPct: oursAll?.regretMeanPct,
        },
        contestants: allFigures,
      },
      reaction,
      clients: {
        count: setup.clients.count,
        policies: outcomes.crowds.map(({ offloading: _, ...crowd }) => crowd),
      },
      decision: { meanMicros: timing.meanMicros, frontierMs: frontierTiming.frontierMs },
      simulatedMs: Math.round(simulatedMs),
    };
  },
};

function printTable(title: string, figures: readonly ContestantFigures[], print: (line: string) => void): void {
  print(`\n${title}`);
  print(
    `${'policy'.padEnd(22)}${['mean ms', 'p95', 'p99', 'miss %', 'regret %', 'p95 %', '≤5 %', 'sw/min', 'KB'].map((head) => head.padStart(9)).join('')}`,
  );
  for (const row of figures) {
    const cells = [
      row.meanMs.value,
      row.p95Ms,
      row.p99Ms,
      row.missPct,
      row.regretMeanPct?.value,
      row.regretP95Pct,
      row.nearOraclePct,
      row.switchesPerMinute,
      row.kilobytesPerInference,
    ];
    print(
      `${row.contestant.padEnd(22)}${cells.map((cell) => (cell === undefined || cell === null ? '' : cell.toFixed(1)).padStart(9)).join('')}`,
    );
  }
}
