import type { EdgeProcess } from '../overhead/edge-process.js';
import { median, round } from '../statistics.js';
import { EdgeWatch } from './edge-watch.js';
import { NETWORK_NAMES } from './ground.js';
import { outcomes, runLoad } from './load/run-load.js';
import { servedTail } from './served-tail.js';

const CLIENTS = 24;
const VANISHING_CLIENTS = 8;
const VANISHES_AFTER_MS = 3_000;
/** Of what the edge can do; the rest is for opening tails. */
const SHARE = 0.5;
/** What the process has grown to by then is its size at work: pools, caches and compiled code. */
const SETTLED_AFTER = 0.3;

export interface SoakOptions {
  readonly edge: EdgeProcess;
  readonly workers: number;
  readonly durationMs: number;
}

/**
 * Clients that come and vanish, over several models, of which the edge may hold fewer tails open than are asked for: so it opens
 * and releases one all the time.
 */
export async function measureSoak({ edge, workers, durationMs }: SoakOptions) {
  using watch = new EdgeWatch(edge);
  const tails = await Promise.all(NETWORK_NAMES.map((name) => servedTail(edge.url, name)));
  const meanMs = tails.reduce((sum, { cut }) => sum + cut.tailMs, 0) / tails.length;
  const ratePerSecond = (SHARE * workers * 1_000) / meanMs / CLIENTS;
  const records = await runLoad({
    edgeUrl: edge.url,
    models: NETWORK_NAMES,
    clients: Array.from({ length: CLIENTS }, (_, index) => ({
      ratePerSecond,
      ...(index < VANISHING_CLIENTS && { vanishesAfterMs: VANISHES_AFTER_MS }),
    })),
    durationMs,
    seed: 10,
  });
  const settled = watch.samples.slice(Math.floor(watch.samples.length * SETTLED_AFTER));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const bytes = (samples: typeof settled) => median(samples.map(({ residentBytes }) => residentBytes));
  return {
    requests: records.length,
    outcomes: outcomes(records),
    lost: records.filter(({ outcome }) => outcome === 'lost').length,
    rssGrowthPct: round((bytes(settled.slice(-third)) / bytes(settled.slice(0, third)) - 1) * 100, 2),
    residentMB: round(bytes(settled.slice(-third)) / 1e6, 1),
    eventLoopP99Ms: watch.eventLoopP99Ms,
  };
}
