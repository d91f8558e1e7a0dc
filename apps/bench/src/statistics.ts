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

/** The same, and `null` for a figure that is not there for lack of samples: a 0 in its place would look like one. */
export function known(value: number | undefined, digits = 3): number | null {
  return value === undefined || !Number.isFinite(value) ? null : round(value, digits);
}

/** The largest of what was seen; `null` when nothing was. */
export function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b));
}

/**
 * The exact one-sided upper bound of a share of which `changed` of `total` independent trials were seen: the largest share under
 * which so few would still be seen with a probability of `1 - confidence`. Clopper and Pearson, "The use of confidence or
 * fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934).
 */
export function upperShare(changed: number, total: number, confidence = 0.95): number {
  if (changed >= total) return 1;
  let [low, high] = [changed / total, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (atMost(changed, total, middle) > 1 - confidence) low = middle;
    else high = middle;
  }
  return high;
}

/** The probability of at most `count` of `total` when each has probability `share` (0 < share < 1). */
function atMost(count: number, total: number, share: number): number {
  // Each term from the one before: count 0 first, in logarithms, because it is tiny.
  let logTerm = total * Math.log1p(-share);
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= count; k++) {
    logTerm += Math.log((total - k + 1) / k) + Math.log(share) - Math.log1p(-share);
    sum += Math.exp(logTerm);
  }
  return sum;
}
