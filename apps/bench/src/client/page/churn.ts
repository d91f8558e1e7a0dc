import { runOnce } from './opened.js';

export interface ChurnRequest {
  readonly cuts: readonly number[];
  /** The first of the runs, counted over all calls. */
  readonly from: number;
  readonly runs: number;
  /** The cut changes after so many. */
  readonly runsPerCut: number;
}

/** Runs with a cut that changes all the time. */
export async function churn({ cuts, from, runs, runsPerCut }: ChurnRequest): Promise<void> {
  for (let run = from; run < from + runs; run++) {
    const cut = cuts[Math.floor(run / runsPerCut) % cuts.length];
    if (cut === undefined) throw new Error('no cuts');
    await runOnce({ cut });
  }
}
