import { median, quantile, round } from '../statistics.js';
import type { Contestant } from './measure-cell.js';
import type { InferenceRecord } from './record.js';

/** What one contestant did in one cell. */
export interface Standing {
  readonly name: string;
  readonly isFixed: boolean;
  readonly count: number;
  readonly meanMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Mean of what the cost model said before each of these inferences. */
  readonly predictedMeanMs: number;
  /** Median of |measured - predicted| ÷ measured. */
  readonly predictionErrorPct: number;
  /** Share of the inferences for which a head was lacking that the policy wished for. */
  readonly lackedHeadPct: number;
  /** How often each arm ran. */
  readonly arms: Readonly<Record<string, number>>;
}

export function standingOf({ name, isFixed }: Contestant, records: readonly InferenceRecord[]): Standing {
  const totals = records.map(({ totalMs }) => totalMs);
  const arms: Record<string, number> = {};
  for (const { cut, codec } of records) arms[`${cut}/${codec}`] = (arms[`${cut}/${codec}`] ?? 0) + 1;
  return {
    name,
    isFixed,
    count: records.length,
    meanMs: round(mean(totals), 2),
    medianMs: round(median(totals), 2),
    p95Ms: round(quantile(totals, 0.95), 2),
    predictedMeanMs: round(mean(records.map(({ predictedMs }) => predictedMs)), 2),
    predictionErrorPct: round(median(records.map(errorPct)), 2),
    lackedHeadPct: round(mean(records.map(({ lackedHead }) => (lackedHead ? 100 : 0))), 1),
    arms,
  };
}

/** |measured - predicted| ÷ measured, in per cent. */
export function errorPct({ totalMs, predictedMs }: InferenceRecord): number {
  return (Math.abs(totalMs - predictedMs) / totalMs) * 100;
}

/** By how much of `thanMs` something that takes `ms` is faster, in per cent; negative when it is slower. */
export function reductionPct(ms: number, thanMs: number): number {
  return (1 - ms / thanMs) * 100;
}

export interface LiveSummary {
  readonly cells: number;
  readonly medianPredictionErrorPct: number;
  readonly p90PredictionErrorPct: number;
  readonly vsNeurosurgeonMeanPct: number;
  readonly vsLoadpartMeanPct: number;
  /** Against the fixed arm that was fastest in each cell, which nobody knows before. */
  readonly vsBestFixedArmMeanPct: number;
}

/** Over all cells in which `cutpoint` ran. */
export function summaryOf(
  cells: readonly { readonly standings: readonly Standing[]; readonly cutpoint: readonly InferenceRecord[] }[],
): LiveSummary {
  const errors = cells.flatMap(({ cutpoint }) => cutpoint.map(errorPct));
  return {
    cells: cells.length,
    medianPredictionErrorPct: round(median(errors), 2),
    p90PredictionErrorPct: round(quantile(errors, 0.9), 2),
    vsNeurosurgeonMeanPct: meanReduction(cells, ({ name }) => name === 'neurosurgeon'),
    vsLoadpartMeanPct: meanReduction(cells, ({ name }) => name === 'loadpart'),
    vsBestFixedArmMeanPct: meanReduction(cells, ({ isFixed }) => isFixed),
  };
}

export interface Overall {
  readonly name: string;
  /** Mean over cells of the mean latency. */
  readonly meanMs: number;
  /** Mean over cells of {@link reductionPct}. */
  readonly cutpointFasterPct: number;
}

/** Those that ran in every cell, the fastest first. */
export function overallOf(cells: readonly (readonly Standing[])[]): Overall[] {
  const names = new Set(cells.flatMap((standings) => standings.map(({ name }) => name)));
  const found: Overall[] = [];
  for (const name of names) {
    const own = cells.flatMap((standings) => standings.filter((one) => one.name === name && one.count > 0));
    if (own.length < cells.length) continue;
    const cutpointFasterPct = meanReduction(
      cells.map((standings) => ({ standings })),
      (other) => other.name === name,
    );
    found.push({ name, meanMs: round(mean(own.map(({ meanMs }) => meanMs)), 2), cutpointFasterPct });
  }
  return found.sort((a, b) => a.meanMs - b.meanMs);
}

function meanReduction(
  cells: readonly { readonly standings: readonly Standing[] }[],
  isOther: (standing: Standing) => boolean,
): number {
  const reductions = cells.flatMap(({ standings }) => {
    const own = standings.find(({ name }) => name === 'cutpoint');
    const others = standings.filter((standing) => isOther(standing) && standing.count > 0);
    if (!own || own.count === 0 || others.length === 0) return [];
    return [reductionPct(own.meanMs, Math.min(...others.map(({ meanMs }) => meanMs)))];
  });
  return round(mean(reductions), 2);
}

/** NaN for no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
