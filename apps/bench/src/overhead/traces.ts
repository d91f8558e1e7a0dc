import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { quantile, round } from '../statistics.js';
import { EdgeProcess } from './edge-process.js';
import { inputOf, inWorkDir, middleCut, repositoryIn, throughEdge } from './middle-cut.js';
import { StreamClient } from './stream-client.js';

/**
 * What traces cost a request: the same through an edge that sends all its spans to a collector, here, and through one that makes
 * none. The two alternate.
 */
export async function measureTraces(pairs: number, warmUp: number, print: (line: string) => void) {
  let exports = 0;
  const collector = createServer((request, response) => {
    exports += 1;
    request.resume().once('end', () => response.end('{}'));
  });
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  // Of a server that listens on TCP.
  const { port } = collector.address() as AddressInfo;
  try {
    const measured = await inWorkDir((workDir) => measure(workDir, pairs, warmUp, `http://127.0.0.1:${port}`));
    if (exports === 0) throw new Error('the edge that was to be traced sent no span');
    const of = (value: (pair: Pair) => number, q = 0.5) => round(quantile(measured.map(value), q));
    const result = {
      pairs,
      warmUpPairs: warmUp,
      plainP50Ms: of(({ plainMs }) => plainMs),
      plainP95Ms: of(({ plainMs }) => plainMs, 0.95),
      tracedP50Ms: of(({ tracedMs }) => tracedMs),
      tracedP95Ms: of(({ tracedMs }) => tracedMs, 0.95),
      pairedDifferenceP50Ms: of(({ plainMs, tracedMs }) => tracedMs - plainMs),
    };
    print(`${pairs} pairs after ${warmUp} to warm up, loopback, p50 (p95)`);
    print(`without traces         ${result.plainP50Ms} ms (${result.plainP95Ms})`);
    print(`with all spans sent    ${result.tracedP50Ms} ms (${result.tracedP95Ms})`);
    print(`difference of a pair   ${result.pairedDifferenceP50Ms} ms`);
    return result;
  } finally {
    collector.close();
  }
}

interface Pair {
  readonly plainMs: number;
  readonly tracedMs: number;
}

async function measure(workDir: string, pairs: number, warmUp: number, traces: string): Promise<readonly Pair[]> {
  const options = { modelsDir: await repositoryIn(workDir), homeDir: workDir };
  await using plain = await EdgeProcess.start(options);
  await using traced = await EdgeProcess.start({ ...options, args: ['--traces', traces] });
  const target = await middleCut(plain.url);
  using plainClient = await StreamClient.open(plain.url);
  using tracedClient = await StreamClient.open(traced.url);
  const measured: Pair[] = [];
  for (let index = 0; index < warmUp + pairs; index += 1) {
    const msOf = async (client: StreamClient) => (await throughEdge(client, target, inputOf(index))).ms;
    // Who goes first alternates too.
    const first = index % 2 === 0 ? await msOf(plainClient) : undefined;
    const tracedMs = await msOf(tracedClient);
    measured.push({ plainMs: first ?? (await msOf(plainClient)), tracedMs });
  }
  return measured.slice(warmUp);
}
