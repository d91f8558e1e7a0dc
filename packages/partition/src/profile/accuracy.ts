/** How far predictions are from what was measured. Errors are relative to the measured time, 0.1 for 10 %. */
export interface Accuracy {
  readonly count: number;
  /** Mean absolute percentage error, as LoADPart reports it. */
  readonly mape: number;
  readonly medianApe: number;
  readonly p90Ape: number;
  /** Sum of predictions ÷ sum of measured times - 1: what is left when many are added up. */
  readonly bias: number;
  /** 1 - squared errors ÷ variance of the measured times; `null` where they do not vary. */
  readonly r2: number | null;
}

/**
 * Times below are counted as this where an error is made relative: a node that was fused away took no time, and clocks of
 * profilers tick in 1 to 5 microseconds; a fit that chases those ticks is worth nothing.
 */
export const LEAST_RELATIVE_MS = 0.01;

/** @param pairs in ms; not empty */
export function accuracyOf(pairs: readonly { readonly measuredMs: number; readonly predictedMs: number }[]): Accuracy {
  const errors = pairs
    .map(({ measuredMs, predictedMs }) => Math.abs(predictedMs - measuredMs) / Math.max(measuredMs, LEAST_RELATIVE_MS))
    .sort((a, b) => a - b);
  const measured = sum(pairs.map(({ measuredMs }) => measuredMs));
  const mean = measured / pairs.length;
  const squaredErrors = sum(pairs.map(({ measuredMs, predictedMs }) => (predictedMs - measuredMs) ** 2));
  const variance = sum(pairs.map(({ measuredMs }) => (measuredMs - mean) ** 2));
  return {
    count: pairs.length,
    mape: sum(errors) / errors.length,
    medianApe: quantile(errors, 0.5),
    p90Ape: quantile(errors, 0.9),
    bias: measured > 0 ? sum(pairs.map(({ predictedMs }) => predictedMs)) / measured - 1 : 0,
    r2: variance > 0 ? 1 - squaredErrors / variance : null,
  };
}

function quantile(sorted: readonly number[], q: number): number {
  const rank = (sorted.length - 1) * q;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? Number.NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
