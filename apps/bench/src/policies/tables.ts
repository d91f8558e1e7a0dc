import type { LinkFigures } from './run/cell-figures.js';
import type { ContestantFigures } from './run/figures.js';
import type { Results } from './run/results.js';

/** Of a contestant, in every table. */
export const COLUMNS: readonly {
  readonly head: string;
  readonly of: (row: ContestantFigures) => number | null | undefined;
}[] = [
  { head: 'mean ms', of: (row) => row.meanMs.value },
  { head: 'p50', of: (row) => row.p50Ms },
  { head: 'p95', of: (row) => row.p95Ms },
  { head: 'p99', of: (row) => row.p99Ms },
  { head: 'late %', of: (row) => row.missPct },
  { head: 'regret %', of: (row) => row.regretMeanPct?.value },
  { head: 'p95 %', of: (row) => row.regretP95Pct },
  { head: 'near %', of: (row) => row.nearOraclePct },
  { head: 'switches', of: (row) => row.switchesPerMinute },
  { head: 'KB', of: (row) => row.kilobytesPerInference },
];

/** The tables for people. */
export function printTables({ sameArms, allArms, reaction, clients }: Results, print: (line: string) => void): void {
  if (sameArms !== undefined) {
    printContestants('Same arms: prefix cuts, raw tensors', sameArms.contestants, print);
    print(
      `cutpoint: ${sameArms.vsNeurosurgeonMeanPct} % below neurosurgeon (${sameArms.vsNeurosurgeonMaxPct} % at best), ` +
        `${sameArms.vsLoadpartMeanPct} % below loadpart (worst network ${sameArms.worstNetworkVsLoadpartPct} %); ` +
        `${sameArms.gainCapturedPct} % of the oracle's gain, loadpart ${sameArms.loadpartGainCapturedPct} %`,
    );
  }
  if (allArms?.contestants !== undefined) {
    printContestants('All arms', allArms.contestants, print);
    print(
      `cutpoint: ${allArms.vsLoadpartMeanPct} % below loadpart, ` +
        `${allArms.vsCompressedOffloadMeanPct} % below compressed offload`,
    );
  }
  if (allArms?.links !== undefined) {
    print(
      '\nBy link: mean ms over networks and loads; cutpoint below the best of local, compressed offload and loadpart',
    );
    printLinks(allArms.links, print);
  }
  if (allArms?.cells !== undefined) {
    print('\nCells in which cutpoint gains least on the best of those (negative: it is slower)');
    for (const { network, link, load, vsBestBaselinePct, meanMs } of allArms.cells.slice(0, 5)) {
      print(
        `  ${vsBestBaselinePct} %: ${network}, ${link}, ${load}: ${Object.entries(meanMs)
          .map(([name, ms]) => `${name} ${ms}`)
          .join(', ')}`,
      );
    }
  }
  if (reaction !== undefined) {
    print(
      `\nAfter a step for the worse: at most ${reaction.bandwidthStepInferences} inferences (bandwidth), ` +
        `${reaction.loadStepInferences} (load). For the better: at most ${reaction.bandwidthBetterSeconds} s, ` +
        `${reaction.loadBetterSeconds} s`,
    );
  }
  if (clients !== undefined) {
    print(`\n${clients.count} clients of one edge`);
    for (const crowd of clients.policies) {
      print(
        `  ${`${crowd.contestant}, ${crowd.load}`.padEnd(32)} mean ${crowd.meanMs} ms, p95 ${crowd.p95Ms} ms, ${crowd.offloadingMean} offload ` +
          `± ${crowd.offloadingDeviation}, switches ${crowd.switchShare}, autocorrelation ${crowd.oscillation}`,
      );
    }
  }
}

/** Of a link, in every table; the contestants of the grid stand before them. */
export const LINK_COLUMNS: readonly { readonly head: string; readonly of: (row: LinkFigures) => number }[] = [
  { head: 'median %', of: (row) => row.medianVsBestBaselinePct },
  { head: 'worst %', of: (row) => row.worstVsBestBaselinePct },
  { head: 'regret %', of: (row) => row.meanRegretPct },
];

function printLinks(rows: readonly LinkFigures[], print: (line: string) => void): void {
  const names = Object.keys(rows[0]?.meanMs ?? {});
  const heads = [...names, ...LINK_COLUMNS.map(({ head }) => head)];
  const widths = heads.map((head) => Math.max(10, head.length + 2));
  const padded = (cells: readonly string[]) => cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('');
  print(`${''.padEnd(20)}${padded(heads)}`);
  for (const row of rows) {
    const values = [...names.map((name) => row.meanMs[name]), ...LINK_COLUMNS.map(({ of }) => of(row))];
    print(`${row.link.padEnd(20)}${padded(values.map((value) => value?.toFixed(1) ?? ''))}`);
  }
}

function printContestants(title: string, rows: readonly ContestantFigures[], print: (line: string) => void): void {
  print(`\n${title}`);
  print(`${''.padEnd(20)}${COLUMNS.map(({ head }) => head.padStart(10)).join('')}`);
  for (const row of rows) {
    const cells = COLUMNS.map(({ of }) => of(row)?.toFixed(1) ?? '');
    print(`${row.contestant.padEnd(20)}${cells.map((cell) => cell.padStart(10)).join('')}`);
  }
}
