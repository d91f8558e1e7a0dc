import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EdgeTimings } from '@cutpoint/protocol';
import type { Bench } from '../bench.js';
import { quantile, round } from '../statistics.js';
import { BareTail } from './bare-tail.js';
import { fetchTail } from './edge-documents.js';
import { EdgeProcess } from './edge-process.js';
import { inputOf, inWorkDir, middleCut, repositoryIn, throughEdge } from './middle-cut.js';
import { CROSSING_BYTES } from './network.js';
import { StreamClient } from './stream-client.js';
import { measureTraces } from './traces.js';

/** Pairs before the first that counts: on both sides the engine has then compiled what runs often, as in any edge that is up. */
const WARM_UP = 1_000;
/** The same figure for an edge that has just started is told too: of so many pairs, after so many. */
const EARLY_PAIRS = 400;
const EARLY_AFTER = 100;
/** Threads of onnxruntime in one tail, at the edge and bare alike. */
const THREADS = 1;

/** One request through the edge and one bare run of the same tail. */
interface Pair {
  readonly edgeMs: number;
  readonly timings: EdgeTimings;
  /** onnxruntime's `run` alone, by the worker's clock. */
  readonly runMs: number;
  /** The same with the message to the worker and the one back. */
  readonly hopMs: number;
}

/**
 * What the edge adds to a tail: a request over loopback with 64 KB up, against onnxruntime's `run` of the same tail
 * timed inside a worker thread. The two alternate, so that whatever else the machine does meets both.
 */
export const overhead: Bench = {
  summary:
    'a request through the edge against the same tail bare, or against one that is traced [--pairs 500] [--traces]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: { pairs: { type: 'string', default: '500' }, traces: { type: 'boolean', default: false } },
    });
    const pairs = Number(values.pairs);
    if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`--pairs must be a whole number, not '${values.pairs}'`);
    return await (values.traces ? measureTraces(pairs, WARM_UP, print) : measureOverhead(pairs, print));
  },
};

export async function measureOverhead(pairs: number, print: (line: string) => void) {
  return await inWorkDir((workDir) => measure(workDir, pairs, print));
}

async function measure(workDir: string, pairs: number, print: (line: string) => void) {
  await using edge = await EdgeProcess.start({
    modelsDir: await repositoryIn(workDir),
    homeDir: workDir,
    args: ['--threads', String(THREADS)],
  });
  const target = await middleCut(edge.url);
  const { manifest, cut, crossing } = target;
  await using bare = await BareTail.open({
    graphFile: await fetchTail(edge.url, manifest, cut, join(workDir, 'tail')),
    threads: THREADS,
    input: crossing.name,
    output: cut.tailOutputs[0] ?? '',
    dims: crossing.dims,
  });
  using client = await StreamClient.open(edge.url);

  const measured: Pair[] = [];
  for (let index = -WARM_UP; index < pairs; index++) {
    const input = inputOf(index);
    const through = async () => throughEdge(client, target, input);
    const alone = async () => bareRun(bare, input);
    // Who goes first alternates too: what follows the other finds its leftovers in the caches.
    const first = index % 2 === 0 ? await through() : undefined;
    const run = await alone();
    const request = first ?? (await through());
    assertSame(request.reply.payload, run.output);
    const { runMs, hopMs } = run;
    measured.push({ edgeMs: request.ms, timings: request.reply.result.timings, runMs, hopMs });
  }
  return report(measured.slice(WARM_UP), measured.slice(EARLY_AFTER, EARLY_AFTER + EARLY_PAIRS), print);
}

function report(pairs: readonly Pair[], early: readonly Pair[], print: (line: string) => void) {
  const of = (list: readonly Pair[], value: (pair: Pair) => number, q = 0.5) => round(quantile(list.map(value), q));
  const edge = (pair: Pair) => pair.edgeMs;
  const bare = (pair: Pair) => pair.runMs;
  const result = {
    pairs: pairs.length,
    warmUpPairs: WARM_UP,
    bytesUp: CROSSING_BYTES,
    edgeP50Ms: of(pairs, edge),
    edgeP95Ms: of(pairs, edge, 0.95),
    bareP50Ms: of(pairs, bare),
    bareP95Ms: of(pairs, bare, 0.95),
    bareWithHopP50Ms: of(pairs, (pair) => pair.hopMs),
    differenceMs: round(of(pairs, edge) - of(pairs, bare)),
    pairedDifferenceP50Ms: of(pairs, (pair) => pair.edgeMs - pair.runMs),
    earlyDifferenceMs: round(of(early, edge) - of(early, bare)),
    edgeStagesP50Ms: {
      upload: of(pairs, ({ timings }) => timings.uploadMs),
      queue: of(pairs, ({ timings }) => timings.queueMs),
      decode: of(pairs, ({ timings }) => timings.decodeMs),
      tail: of(pairs, ({ timings }) => timings.tailMs),
      encode: of(pairs, ({ timings }) => timings.encodeMs),
      total: of(pairs, ({ timings }) => timings.totalMs),
    },
  };
  const hop = `${result.bareWithHopP50Ms} ms with the hop there and back`;
  print(`${pairs.length} pairs after ${WARM_UP} to warm up, ${CROSSING_BYTES} bytes up, loopback, p50 (p95)`);
  print(`through the edge       ${result.edgeP50Ms} ms (${result.edgeP95Ms})`);
  print(`bare in a worker       ${result.bareP50Ms} ms (${result.bareP95Ms}), ${hop}`);
  print(`difference             ${result.differenceMs} ms; ${result.earlyDifferenceMs} ms just after the start`);
  print(`stages at the edge     ${JSON.stringify(result.edgeStagesP50Ms)}`);
  return result;
}

async function bareRun(
  bare: BareTail,
  input: Float32Array,
): Promise<{ runMs: number; hopMs: number; output: Float32Array }> {
  const copy = Float32Array.from(input);
  const startedAt = performance.now();
  const { runMs, output } = await bare.run(copy);
  return { runMs, hopMs: performance.now() - startedAt, output };
}

/** Two figures for different work are no comparison. */
function assertSame(payload: Uint8Array, output: Float32Array): void {
  const same = Buffer.from(payload).equals(Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  if (!same) throw new Error('the edge and the bare tail answered differently');
}
