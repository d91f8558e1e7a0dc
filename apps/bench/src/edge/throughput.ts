import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BareTail } from '../overhead/bare-tail.js';
import { fetchTail } from '../overhead/edge-documents.js';
import { median, round } from '../statistics.js';
import { edgePerSecond } from './capacity.js';
import type { Ground, NetworkName } from './ground.js';
import { randomFloats, type ServedTail, servedTail } from './served-tail.js';

/** Pairs of bare and served stretches, alternating, because the machine's speed wanders. */
const ROUNDS = 4;

export interface Throughput {
  readonly network: NetworkName;
  readonly threads: number;
  readonly tailMs: number;
  readonly barePerSecond: number;
  readonly edgePerSecond: number;
  readonly ratio: number;
  /** Against bare tails with all of onnxruntime's options at their defaults, its threads included. */
  readonly ratioToDefaults: number;
}

/** Tails a second through the edge, and of the same tails bare in as many worker threads of a process. */
export async function measureThroughput(
  ground: Ground,
  network: NetworkName,
  { phaseMs, workers, threads }: { readonly phaseMs: number; readonly workers: number; readonly threads: number },
): Promise<Throughput> {
  await using edge = await ground.startEdge('--workers', String(workers), '--threads', String(threads));
  const tail = await servedTail(edge.url, network);
  const dir = join(await mkdtemp(join(ground.dir, 'tail-')), 'tail');
  const graphFile = await fetchTail(edge.url, tail.manifest, tail.cut, dir);
  await using same = await BareTails.open(graphFile, tail, workers, threads);
  await using defaults = await BareTails.open(graphFile, tail, workers, undefined);
  const stretchMs = phaseMs / ROUNDS / 3;
  const through = (seed: number) => edgePerSecond(edge.url, network, { workers, durationMs: stretchMs, seed });
  await through(0);
  const rounds: { edge: number; bare: number; byDefault: number }[] = [];
  for (let index = 1; index <= ROUNDS; index += 1) {
    const bare = await same.perSecond(stretchMs);
    const byDefault = await defaults.perSecond(stretchMs);
    await sleep(100);
    rounds.push({ edge: await through(index), bare, byDefault });
  }
  const of = (value: (one: (typeof rounds)[number]) => number, digits = 3) => round(median(rounds.map(value)), digits);
  return {
    network,
    threads,
    tailMs: round((1_000 * workers) / of(({ bare }) => bare), 1),
    barePerSecond: of(({ bare }) => bare, 1),
    edgePerSecond: of(({ edge }) => edge, 1),
    ratio: of(({ edge, bare }) => edge / bare),
    ratioToDefaults: of(({ edge, byDefault }) => edge / byDefault),
  };
}

/** The same tail in several worker threads. */
class BareTails implements AsyncDisposable {
  readonly #tails: readonly BareTail[];
  readonly #numBytes: number;

  private constructor(tails: readonly BareTail[], numBytes: number) {
    this.#tails = tails;
    this.#numBytes = numBytes;
  }

  static async open(graphFile: string, { crossing, cut, message }: ServedTail, workers: number, threads?: number) {
    const setup = { graphFile, threads, input: crossing.name, output: cut.tailOutputs[0] ?? '', dims: crossing.dims };
    const tails = await Promise.all(Array.from({ length: workers }, () => BareTail.open(setup)));
    return new BareTails(tails, message.numBytes);
  }

  /** Each runs one after the other. */
  async perSecond(durationMs: number): Promise<number> {
    const input = randomFloats(this.#numBytes);
    const rates = this.#tails.map(async (tail) => {
      await tail.run(input.slice());
      const startedAtMs = performance.now();
      let runs = 0;
      for (; performance.now() - startedAtMs < durationMs; runs += 1) await tail.run(input.slice());
      return (runs / (performance.now() - startedAtMs)) * 1_000;
    });
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tail of this.#tails) await tail[Symbol.asyncDispose]();
  }
}
