import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeProcess } from '../overhead/edge-process.js';
import { known, quantile } from '../statistics.js';
import { edgePerSecond } from './capacity.js';
import type { Ground } from './ground.js';
import type { ClientOrder } from './load/order.js';
import { runLoad, served } from './load/run-load.js';

/** One whose time goes into products with large weights in good part, and one of convolutions. */
const NETWORKS = ['bench-alexnet', 'bench-resnet18'] as const;
const CLIENTS = 16;
/** Long enough that requests meet, and then quiet for so long that the edge finds out whether that pays. */
const MEETING_MS = 3_000;
const TRIALS_MS = 10_000;
/** Stretches of each edge under each load, taking turns. */
const ROUNDS = 3;
/** Of what the edge without batches can do. */
const SHARE = 0.8;

const MODES = ['off', 'on'] as const;
type Mode = (typeof MODES)[number];
type Edges = Readonly<Record<Mode, EdgeProcess>>;

/** The same load on an edge that may run requests at once, and on one that may not. */
export async function measureBatching(
  ground: Ground,
  { phaseMs }: { readonly phaseMs: number },
  print: (line: string) => void,
) {
  for (const network of NETWORKS) await ground.addKnown(network);
  await using off = await ground.startEdge('--workers', '1', '--max-batch-size', '1');
  for (const network of NETWORKS) await off.untilPrepared(network, print);
  await using on = await ground.startEdge('--workers', '1');
  for (const network of NETWORKS) await on.untilPrepared(network, print);
  const results: Record<string, unknown> = {};
  for (const network of NETWORKS) {
    const result = await measureNetwork({ off, on }, network, phaseMs / NETWORKS.length);
    print(`batching    ${network} ${JSON.stringify(result)}`);
    results[network] = result;
  }
  return results;
}

async function measureNetwork(edges: Edges, network: string, durationMs: number) {
  const capacity = { workers: 1, durationMs: MEETING_MS, seed: 0 };
  await edgePerSecond(edges.on.url, network, capacity);
  await sleep(TRIALS_MS);
  const perSecond = await edgePerSecond(edges.off.url, network, capacity);
  const asMuchAsCan: ClientOrder = { inFlight: 1 };
  const some: ClientOrder = { ratePerSecond: (SHARE * perSecond) / CLIENTS };
  return {
    saturated: await compare(edges, network, asMuchAsCan, durationMs / 2),
    at80Pct: await compare(edges, network, some, durationMs / 2),
  };
}

async function compare(edges: Edges, network: string, order: ClientOrder, durationMs: number) {
  const times: Record<Mode, number[]> = { off: [], on: [] };
  let errors = 0;
  const before = await runsOf(edges.on, network);
  const stretchMs = durationMs / ROUNDS / MODES.length;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const mode of round % 2 === 0 ? MODES : MODES.toReversed()) {
      const clients = Array.from({ length: CLIENTS }, () => order);
      const { url: edgeUrl } = edges[mode];
      const records = await runLoad({ edgeUrl, models: [network], clients, durationMs: stretchMs, seed: round });
      const done = served(records);
      errors += records.length - done.length;
      times[mode].push(...done.map(({ tookMs }) => tookMs));
    }
  }
  const after = await runsOf(edges.on, network);
  const figures = (mode: Mode) => ({
    perSecond: known((times[mode].length / (stretchMs * ROUNDS)) * 1_000, 1),
    p50Ms: known(quantile(times[mode], 0.5), 1),
    p99Ms: known(quantile(times[mode], 0.99), 1),
  });
  const requestsPerRun = known((after.requests - before.requests) / (after.runs - before.runs), 2);
  return { off: figures('off'), on: { ...figures('on'), requestsPerRun }, errors };
}

/** What the edge counted of a model so far. */
async function runsOf(
  { url }: EdgeProcess,
  model: string,
): Promise<{ readonly runs: number; readonly requests: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const count = (name: string) =>
    Number(new RegExp(`^cutpoint_batch_requests_${name}\\{model="${model}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  return { runs: count('count'), requests: count('sum') };
}
