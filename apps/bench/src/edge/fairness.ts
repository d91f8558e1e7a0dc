import { known, largest, quantile } from '../statistics.js';
import type { CrowdOptions } from './crowd.js';
import { EdgeWatch } from './edge-watch.js';
import type { ClientOrder } from './load/order.js';
import { runLoad, served } from './load/run-load.js';

const MODEST_CLIENTS = 16;
/** Of the capacity, all of them together. */
const MODEST_SHARE = 0.6;
/** As many as a connection may have unanswered. */
const GREEDY_IN_FLIGHT = 8;
/** Stretches of each kind, taking turns; of the same round the same requests come. */
const ROUNDS = 3;

/** Who comes beside the modest ones: nobody, one that always wants more, and one that does so on several connections. */
const GREEDY_CONNECTIONS = { without: 0, requests: 1, sockets: 9 } as const;
type Kind = keyof typeof GREEDY_CONNECTIONS;
const ORDERS: readonly (readonly Kind[])[] = [
  ['without', 'requests', 'sockets'],
  ['requests', 'sockets', 'without'],
  ['sockets', 'without', 'requests'],
];

/** What one client that always wants more costs the others. */
export async function measureFairness({ edge, network, capacity, durationMs }: CrowdOptions) {
  using watch = new EdgeWatch(edge);
  const modest = Array.from({ length: MODEST_CLIENTS }, () => ({
    ratePerSecond: (MODEST_SHARE * capacity) / MODEST_CLIENTS,
  }));
  const times: Record<Kind, number[]> = { without: [], requests: [], sockets: [] };
  const greedyRequests: Record<Kind, number> = { without: 0, requests: 0, sockets: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ORDERS[round] ?? []) {
      const greedy = Array.from({ length: GREEDY_CONNECTIONS[kind] }, () => GREEDY);
      const records = await runLoad({
        edgeUrl: edge.url,
        models: [network],
        clients: [...modest, ...greedy],
        durationMs: durationMs / ROUNDS,
        seed: round,
      });
      const done = served(records);
      const ofModest = done.filter(({ client }) => client < MODEST_CLIENTS).map(({ tookMs }) => tookMs);
      greedyRequests[kind] += done.length - ofModest.length;
      times[kind].push(...ofModest);
    }
  }
  const p95Ms = (kind: Kind) => quantile(times[kind], 0.95);
  const risePct = (kind: Kind) => known((p95Ms(kind) / p95Ms('without') - 1) * 100, 1);
  const rises = [risePct('requests'), risePct('sockets')].flatMap((rise) => rise ?? []);
  return {
    requests: times.without.length,
    greedyRequests: { requests: greedyRequests.requests, sockets: greedyRequests.sockets },
    withoutP95Ms: known(p95Ms('without')),
    requestsP95Ms: known(p95Ms('requests')),
    socketsP95Ms: known(p95Ms('sockets')),
    requestsP95RisePct: risePct('requests'),
    socketsP95RisePct: risePct('sockets'),
    p95RisePct: rises.length < 2 ? null : largest(rises),
    eventLoopP99Ms: watch.eventLoopP99Ms,
    edgeThread: watch.edgeThread,
  };
}

const GREEDY: ClientOrder = { inFlight: GREEDY_IN_FLIGHT, identity: MODEST_CLIENTS };
