/** A request as it came and as long as it was served. */
export interface Arrival {
  readonly atMs: number;
  readonly serviceMs: number;
}

/**
 * How long each request would have taken at a server that costs nothing: the same arrivals and service times, first come,
 * first served, on so many workers.
 */
export function idealTimes(arrivals: readonly Arrival[], workers: number): number[] {
  const freeAtMs = Array.from({ length: workers }, () => Number.NEGATIVE_INFINITY);
  return arrivals
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, serviceMs }) => {
      const earliest = Math.min(...freeAtMs);
      const endMs = Math.max(atMs, earliest) + serviceMs;
      freeAtMs[freeAtMs.indexOf(earliest)] = endMs;
      return endMs - atMs;
    });
}
