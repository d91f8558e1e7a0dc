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
  if (allArms?.worstCells !== undefined) {
    print('\nCells in which cutpoint does worst against the best of local, compressed offload and loadpart');
    for (const { network, link, load, pct, meanMs } of allArms.worstCells.slice(0, 5)) {
      print(
        `  ${pct} %: ${network}, ${link}, ${load}: ${Object.entries(meanMs)
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

function printContestants(title: string, rows: readonly ContestantFigures[], print: (line: string) => void): void {
  print(`\n${title}`);
  print(`${''.padEnd(20)}${COLUMNS.map(({ head }) => head.padStart(10)).join('')}`);
  for (const row of rows) {
    const cells = COLUMNS.map(({ of }) => of(row)?.toFixed(1) ?? '');
    print(`${row.contestant.padEnd(20)}${cells.map((cell) => cell.padStart(10)).join('')}`);
  }
}
