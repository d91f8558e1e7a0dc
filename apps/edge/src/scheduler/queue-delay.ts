/**
 * ms that a request arriving now would wait before its tail starts: what runs and what is queued is laid out over the
 * workers, each piece of work on the worker that is free first.
 * @param runningMs predicted remaining ms of what runs now, at most one a worker.
 * @param queuedMs predicted ms of what is queued.
 */
export function predictQueueMs(workers: number, runningMs: readonly number[], queuedMs: Iterable<number>): number {
  const freeInMs = Array.from({ length: workers }, (_, worker) => Math.max(0, runningMs[worker] ?? 0));
  for (const workMs of queuedMs) {
    const next = indexOfLeast(freeInMs);
    freeInMs[next] = (freeInMs[next] ?? 0) + workMs;
  }
  return freeInMs[indexOfLeast(freeInMs)] ?? 0;
}

function indexOfLeast(values: readonly number[]): number {
  let least = 0;
  for (const [index, value] of values.entries()) if (value < (values[least] ?? 0)) least = index;
  return least;
}
