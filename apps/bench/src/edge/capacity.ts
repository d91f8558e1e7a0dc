import { runLoad, served } from './load/run-load.js';

/** Requests that are always unanswered for each worker: enough that none is ever free. */
const AHEAD = 4;
const CLIENTS = 4;
/** They are nobody else's: an edge has who had much lately wait for the others, and these have all that there is. */
const FIRST_IDENTITY = 10_000;

/** Requests a second that an edge serves when it never has to wait for one. */
export async function edgePerSecond(
  edgeUrl: string,
  network: string,
  { workers, durationMs, seed }: { readonly workers: number; readonly durationMs: number; readonly seed: number },
): Promise<number> {
  const clients = Array.from({ length: CLIENTS }, (_, index) => ({
    inFlight: Math.max(1, (AHEAD * workers) / CLIENTS),
    identity: FIRST_IDENTITY + index,
  }));
  const records = served(await runLoad({ edgeUrl, models: [network], clients, durationMs, seed }));
  // Between the first and the last answer nothing was idle.
  const doneAtMs = records.map(({ sentAtMs, tookMs }) => sentAtMs + tookMs).toSorted((a, b) => a - b);
  const [firstMs = 0, lastMs = 0] = [doneAtMs[0], doneAtMs.at(-1)];
  return ((records.length - 1) / (lastMs - firstMs)) * 1_000;
}
