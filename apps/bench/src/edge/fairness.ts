import { quantile, round } from '../statistics.js';
import type { CrowdOptions } from './crowd.js';
import { EdgeWatch } from './edge-watch.js';
import { runLoad, served } from './load/run-load.js';

const MODEST_CLIENTS = 16;
/** Of the capacity, all of them together. */
const MODEST_SHARE = 0.6;
/** As many as a connection may have unanswered. */
const GREEDY_IN_FLIGHT = 8;
/** Stretches without and with the greedy one, alternating; of a pair the same requests come. */
const PAIRS = 3;

/** What one client that always wants more costs the others. */
export async function measureFairness({ edge, network, capacity, durationMs }: CrowdOptions) {
  using watch = new EdgeWatch(edge);
  const modest = Array.from({ length: MODEST_CLIENTS }, () => ({
    ratePerSecond: (MODEST_SHARE * capacity) / MODEST_CLIENTS,
  }));
  const times = { without: [] as number[], withGreedy: [] as number[] };
  let greedyRequests = 0;
  for (let pair = 0; pair < PAIRS; pair += 1) {
    for (const isGreedy of pair % 2 === 0 ? [false, true] : [true, false]) {
      const records = await runLoad({
        edgeUrl: edge.url,
        models: [network],
        clients: isGreedy ? [...modest, { inFlight: GREEDY_IN_FLIGHT }] : modest,
        durationMs: durationMs / PAIRS,
        seed: pair,
      });
      const done = served(records);
      greedyRequests += done.filter(({ client }) => client === MODEST_CLIENTS).length;
      const ofModest = done.filter(({ client }) => client < MODEST_CLIENTS).map(({ tookMs }) => tookMs);
      times[isGreedy ? 'withGreedy' : 'without'].push(...ofModest);
    }
  }
  const [withoutP95Ms, withGreedyP95Ms] = [quantile(times.without, 0.95), quantile(times.withGreedy, 0.95)];
  return {
    requests: times.without.length,
    greedyRequests,
    withoutP95Ms: round(withoutP95Ms),
    withGreedyP95Ms: round(withGreedyP95Ms),
    p95RisePct: round((withGreedyP95Ms / withoutP95Ms - 1) * 100, 1),
    eventLoopP99Ms: watch.eventLoopP99Ms,
  };
}
