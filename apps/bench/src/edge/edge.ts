import { availableParallelism } from 'node:os';
import type { Bench } from '../bench.js';
import { measureOverhead } from '../overhead/overhead.js';
import { largest } from '../statistics.js';
import { measureBatching } from './batching.js';
import { edgePerSecond } from './capacity.js';
import { type CrowdOptions, measureCrowd, measureOverload } from './crowd.js';
import { measureFairness } from './fairness.js';
import { Ground } from './ground.js';
import { type EdgeBenchOptions, parseOptions } from './options.js';
import { measureSharedWeights } from './shared-weights.js';
import { measureSoak, OPERATOR_TOKEN } from './soak.js';
import { measureThroughput } from './throughput.js';

/** A tail of some 15 ms. */
const NETWORK = 'medium';
/** Long enough that the edge is warm afterwards. */
const CAPACITY_MS = 6_000;
/** One core is the edge's own thread's and the clients'. */
const WORKERS = Math.max(1, availableParallelism() - 1);

type Results = Record<string, unknown>;

/** What the edge does under load: `docs/benchmarks/edge.md` says how each figure is measured. */
export const edge: Bench = {
  summary: 'the edge under load [--phase-s 40] [--soak-s 60] [--pairs 500] [--only PHASE]…',
  async run(args, print) {
    const options = parseOptions(args);
    await using ground = await Ground.make();
    return await new EdgeBench(ground, options, print).run();
  },
};

class EdgeBench {
  readonly #ground: Ground;
  readonly #options: EdgeBenchOptions;
  readonly #print: (line: string) => void;
  readonly #eventLoopP99Ms: number[] = [];

  constructor(ground: Ground, options: EdgeBenchOptions, print: (line: string) => void) {
    this.#ground = ground;
    this.#options = options;
    this.#print = print;
  }

  async run(): Promise<Results> {
    const { phaseMs, soakMs, pairs } = this.#options;
    const ground = this.#ground;
    const common = { workers: WORKERS, phaseMs, threads: 1 };
    const overhead = await this.#phase('overhead', () => measureOverhead(pairs, () => undefined));
    const throughput = await this.#phase('throughput', async () => ({
      medium: await measureThroughput(ground, 'medium', common),
      long: await measureThroughput(ground, 'long', common),
      longOnAllCores: await measureThroughput(ground, 'long', { ...common, threads: availableParallelism() }),
    }));
    const crowd = await this.#underLoad('crowd', measureCrowd);
    const overload = await this.#underLoad('overload', measureOverload);
    const fairness = await this.#underLoad('fairness', measureFairness);
    const memory = await this.#phase('memory', () => measureSharedWeights(ground, this.#print));
    const soak = await this.#phase('soak', async () => {
      await using edge = await ground.startEdge(
        '--workers',
        String(WORKERS),
        '--sessions',
        '2',
        '--admin-token',
        OPERATOR_TOKEN,
      );
      return await measureSoak({ ground, edge, workers: WORKERS, durationMs: soakMs });
    });
    const batching = await this.#phase('batching', () => measureBatching(ground, { phaseMs }, this.#print));
    return {
      throughputRatio: throughput && Math.min(throughput.medium.ratio, throughput.long.ratio),
      ratioToDefaults: throughput && Math.min(throughput.medium.ratioToDefaults, throughput.long.ratioToDefaults),
      p50OverheadMs: overhead?.differenceMs,
      clients64: crowd,
      overload2x: overload,
      eventLoopP99Ms: largest(this.#eventLoopP99Ms),
      fairnessP95RisePct: fairness?.p95RisePct,
      pssTenTailsRatio: memory?.pssTenTailsRatio,
      soak,
      batching,
      details: { workers: WORKERS, overhead, throughput, fairness, memory },
    };
  }

  async #underLoad<T extends object>(name: string, measure: (options: CrowdOptions) => Promise<T>) {
    return await this.#phase(name, async () => {
      await using edge = await this.#ground.startEdge('--workers', String(WORKERS));
      const warmUp = { workers: WORKERS, durationMs: CAPACITY_MS, seed: 0 };
      const capacity = await edgePerSecond(edge.url, NETWORK, warmUp);
      return await measure({
        edge,
        network: NETWORK,
        workers: WORKERS,
        capacity,
        durationMs: this.#options.phaseMs,
      });
    });
  }
  async #phase<T extends object>(name: string, measure: () => Promise<T>): Promise<T | undefined> {
    const { only } = this.#options;
    if (only.length > 0 && !only.includes(name)) return undefined;
    const result = await measure();
    if ('eventLoopP99Ms' in result && typeof result.eventLoopP99Ms === 'number') {
      this.#eventLoopP99Ms.push(result.eventLoopP99Ms);
    }
    this.#print(`${name.padEnd(12)}${JSON.stringify(result)}`);
    return result;
  }
}
