/** Linear interpolation between the two nearest ranks. NaN for no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (sorted.length - 1) * q;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? Number.NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Rounded for printing and for JSON: digits beyond these are noise. */
export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
