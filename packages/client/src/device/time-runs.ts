import type { Clock } from '../clock.js';
import { CutpointError } from '../errors.js';
import type { RunResult } from '../worker/messages.js';

/** WASM code gets faster with the first runs, and shaders are compiled in them. */
const WARM_RUNS = 3;
const TIMED_RUNS = 5;
/** A head that is so slow in all is slow whatever its next run says. */
const RUNS_MS = 2500;

/**
 * Median of a few runs, each until its outputs are read back: where they stay on the GPU that is a part of what an
 * inference waits for.
 * @param isQuiet asked before each run
 * @throws CutpointError `aborted` when it is not: the page has other things to do, and times would say nothing
 */
export async function timeRuns(
  run: () => Promise<Pick<RunResult, 'headMs' | 'encodeMs'>>,
  clock: Clock,
  isQuiet: () => boolean,
): Promise<number> {
  const endMs = clock.now() + RUNS_MS;
  const times: number[] = [];
  for (let i = 0; i < WARM_RUNS + TIMED_RUNS && (i === 0 || clock.now() < endMs); i++) {
    if (!isQuiet()) throw new CutpointError('aborted', 'Something else began to run.');
    const { headMs, encodeMs } = await run();
    times.push(headMs + encodeMs);
  }
  if (!isQuiet()) throw new CutpointError('aborted', 'Something else began to run.');
  // Where time ran out during the first runs, they are what there is.
  const timed = times.length > WARM_RUNS ? times.slice(WARM_RUNS) : times.slice(-1);
  return timed.sort((a, b) => a - b)[Math.floor((timed.length - 1) / 2)] ?? Number.POSITIVE_INFINITY;
}
