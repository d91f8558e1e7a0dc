import { parseArgs } from 'node:util';
import {
  type BenchmarkNetworkName,
  benchmarkNetworks,
  type CutDescription,
  isBenchmarkNetworkName,
  type RuntimeTensors,
} from '@cutpoint/onnx';
import type { Bench } from './bench.js';
import type { OrtDevice } from './ort/device.js';
import { withNodeOrt } from './ort/node-ort.js';
import { type PreparedNetwork, prepareNetwork } from './profile/prepared-network.js';
import { round } from './statistics.js';

const SIZES = [1, 2, 4, 8] as const;
/** Tails that begin after so much of the network's work. */
const SHARES = [0, 0.5, 0.9] as const;
/** Of all sizes in turn; of each the fastest run counts, since other work only makes runs slower. */
const ROUNDS = 3;
const RUNS = { runs: 6, budgetMs: 400 };

/** What tails take for several inputs at once, bare: whether an edge can gain by batches. */
export const batch: Bench = {
  summary: 'runs of several inputs at once against single ones [--network NAME]… [--threads 1]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        network: { type: 'string', multiple: true, default: [] },
        threads: { type: 'string', default: '1' },
      },
    });
    const names = values.network.length > 0 ? values.network : Object.keys(benchmarkNetworks);
    const threads = Number(values.threads);
    if (!Number.isInteger(threads) || threads < 1)
      throw new Error(`--threads must be 1 or more, not '${values.threads}'`);
    const networks: Record<string, unknown> = {};
    for (const name of names.map(known)) {
      const network = await prepareNetwork(name);
      networks[name] = await withNodeOrt(async (ort) => await measure(network, ort, print), { threads });
    }
    return { threads, networks };
  },
};

function known(name: string): BenchmarkNetworkName {
  if (isBenchmarkNetworkName(name)) return name;
  throw new Error(`--network must be one of ${Object.keys(benchmarkNetworks).join(', ')}, not '${name}'`);
}

async function measure(network: PreparedNetwork, ort: OrtDevice, print: (line: string) => void) {
  const rows: { cut: number; workBefore: number; singleMs: number; perRequest: Record<number, number> }[] = [];
  const totalFlops = network.cuts.at(-1)?.headFlops ?? 0;
  for (const share of SHARES) {
    const cut = network.cuts.find(({ headFlops }) => headFlops >= share * totalFlops);
    const times = cut && (await timesOf(network, cut, ort));
    if (cut === undefined || times === undefined) continue;
    const [[, singleMs] = [1, Number.NaN]] = times;
    const perRequest = Object.fromEntries(times.map(([size, ms]) => [size, round(ms / size / singleMs)]));
    rows.push({ cut: cut.id, workBefore: share, singleMs: round(singleMs), perRequest });
    const shown = times.slice(1).map(([size]) => `${size}: ${perRequest[size]}`);
    print(
      `${network.name.padEnd(12)}from ${share * 100} % (cut ${cut.id}): ${round(singleMs)} ms; of that each takes ${shown.join(', ')}`,
    );
  }
  return rows;
}

/** ms of the tail for each number of inputs; that for one is the ordinary one. */
async function timesOf(network: PreparedNetwork, cut: CutDescription, ort: OrtDevice) {
  const { tail } = network.partsOf(cut);
  const many = network.batchOf(cut);
  if (tail === undefined || many === undefined) return undefined;
  const feeds = network.feedsOf(cut.crossing);
  const fastest = new Map<number, number>();
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const size of SIZES) {
      const times = await ort.time(size === 1 ? tail : many, repeated(feeds, size), RUNS);
      fastest.set(size, Math.min(fastest.get(size) ?? Number.POSITIVE_INFINITY, ...times.slice(1)));
    }
  }
  return [...fastest];
}

function repeated(feeds: RuntimeTensors, size: number): RuntimeTensors {
  return Object.fromEntries(
    Object.entries(feeds).map(
      ([
        name,
        {
          type,
          dims: [, ...rest],
          bytes,
        },
      ]) => {
        const all = new Uint8Array(Buffer.concat(Array.from({ length: size }, () => bytes)));
        return [name, { type, dims: [size, ...rest], bytes: all }];
      },
    ),
  );
}
