import type { EdgeProcess } from '../overhead/edge-process.js';
import { known, quantile } from '../statistics.js';
import { EdgeWatch } from './edge-watch.js';
import type { NetworkName } from './ground.js';
import { idealTimes } from './ideal-server.js';
import { outcomes, runLoad, served } from './load/run-load.js';
import { processMemory } from './memory.js';

/** Clients at a time. */
const CLIENTS = 64;
const BYTES_PER_MB = 1e6;
/** Of a request at twice the capacity. */
const DEADLINE_MS = 1_000;

export interface CrowdOptions {
  readonly edge: EdgeProcess;
  readonly network: NetworkName;
  readonly workers: number;
  /** Requests a second that the edge can serve, as measured. */
  readonly capacity: number;
  readonly durationMs: number;
}

/** 64 clients whose requests come at random, at 80 % of what the edge can do. */
export async function measureCrowd({ edge, network, workers, capacity, durationMs }: CrowdOptions) {
  using watch = new EdgeWatch(edge);
  const records = await runLoad({
    edgeUrl: edge.url,
    models: [network],
    clients: Array.from({ length: CLIENTS }, () => ({ ratePerSecond: (0.8 * capacity) / CLIENTS })),
    durationMs,
    seed: 64,
  });
  const done = served(records);
  const times = done.map(({ tookMs }) => tookMs);
  const idealOf = (time: 'serviceMs' | 'occupiedMs') =>
    idealTimes(
      done.map((record) => ({ atMs: record.sentAtMs, serviceMs: record[time] })),
      workers,
    );
  const ideal = idealOf('serviceMs');
  const [p99Ms, idealP99Ms] = [quantile(times, 0.99), quantile(ideal, 0.99)];
  return {
    requests: records.length,
    errors: records.length - done.length,
    outcomes: outcomes(records),
    p50Ms: known(quantile(times, 0.5)),
    p99Ms: known(p99Ms),
    idealP50Ms: known(quantile(ideal, 0.5)),
    idealP99Ms: known(idealP99Ms),
    /** An ideal server whose worker is also kept by what lies between two tails. */
    occupiedP99Ms: known(quantile(idealOf('occupiedMs'), 0.99)),
    p99OverIdealPct: known((p99Ms / idealP99Ms - 1) * 100, 1),
    servicePctOfTime: known((done.reduce((sum, { serviceMs }) => sum + serviceMs, 0) / durationMs / workers) * 100, 1),
    eventLoopP99Ms: watch.eventLoopP99Ms,
    edgeThread: watch.edgeThread,
  };
}

/** The same clients ask for twice as much as the edge can do. */
export async function measureOverload({ edge, network, capacity, durationMs }: CrowdOptions) {
  const before = await processMemory(edge.pid);
  using watch = new EdgeWatch(edge);
  const records = await runLoad({
    edgeUrl: edge.url,
    models: [network],
    clients: Array.from({ length: CLIENTS }, () => ({
      ratePerSecond: (2 * capacity) / CLIENTS,
      deadlineMs: DEADLINE_MS,
    })),
    durationMs,
    seed: 128,
  });
  const accepted = served(records).map(({ tookMs }) => tookMs);
  const refused = records.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'lost');
  const overloaded = refused.filter(({ outcome }) => outcome === 'overloaded');
  const took = overloaded.flatMap(({ tookMs }) => tookMs ?? []);
  const tookBesides = overloaded.flatMap(({ tookMs, clientWaitedMs }) =>
    tookMs === undefined || clientWaitedMs === undefined ? [] : tookMs - clientWaitedMs,
  );
  const mostBytes = watch.mostResidentBytes;
  return {
    requests: records.length,
    outcomes: outcomes(records),
    deadlineMs: DEADLINE_MS,
    acceptedP50Ms: known(quantile(accepted, 0.5)),
    acceptedP99Ms: known(quantile(accepted, 0.99)),
    acceptedLate: accepted.filter((ms) => ms > DEADLINE_MS).length,
    rejectedP50Ms: known(
      quantile(
        refused.flatMap(({ tookMs }) => tookMs ?? []),
        0.5,
      ),
    ),
    overloadedP50Ms: known(quantile(took, 0.5)),
    overloadedP99Ms: known(quantile(took, 0.99)),
    /** Without what the clients' process itself waited for a core meanwhile. */
    overloadedBesidesP99Ms: known(quantile(tookBesides, 0.99)),
    lost: records.filter(({ outcome }) => outcome === 'lost').length,
    rssGrowthMB: mostBytes === null ? null : known((mostBytes - before.residentBytes) / BYTES_PER_MB, 1),
    eventLoopP99Ms: watch.eventLoopP99Ms,
    edgeThread: watch.edgeThread,
  };
}
