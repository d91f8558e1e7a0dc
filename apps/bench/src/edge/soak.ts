import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeProcess } from '../overhead/edge-process.js';
import { known, median, round } from '../statistics.js';
import { edgePerSecond } from './capacity.js';
import { EdgeWatch } from './edge-watch.js';
import { type Ground, NETWORK_NAMES } from './ground.js';
import { outcomes, runLoad } from './load/run-load.js';
import { servedTail } from './served-tail.js';
import { tallyOf } from './soak-tally.js';

const CLIENTS = 24;
const VANISHING_CLIENTS = 8;
const VANISHES_AFTER_MS = 3_000;
/** Between two changes of a model; each has two versions, and both are prepared once. */
const SWAP_EVERY_MS = 5_000;
/** Of what the edge can do; the rest is for opening tails. */
const SHARE = 0.5;
/** What the process has grown to by then is its size at work: pools, caches and compiled code. */
const SETTLED_AFTER = 0.3;

/** Long enough to see how fast the machine is now. */
const CAPACITY_MS = 4_000;

export interface SoakOptions {
  readonly ground: Ground;
  readonly edge: EdgeProcess;
  readonly workers: number;
  readonly durationMs: number;
}

/**
 * Clients that come and vanish, over several models, of which the edge may hold fewer tails open than are asked for: so it opens
 * and releases one all the time. Models are replaced meanwhile, one after another.
 */
export async function measureSoak({ ground, edge, workers, durationMs }: SoakOptions) {
  const tails = await Promise.all(NETWORK_NAMES.map((name) => servedTail(edge.url, name)));
  const meanMs = tails.reduce((sum, { cut }) => sum + cut.tailMs, 0) / tails.length;
  const slowdown = await slowdownOf(edge.url, workers);
  const ratePerSecond = (SHARE * workers * 1_000) / (slowdown * meanMs) / CLIENTS;
  using watch = new EdgeWatch(edge);
  const swaps = new Swaps(ground, edge.url);
  const records = await runLoad({
    edgeUrl: edge.url,
    models: NETWORK_NAMES,
    clients: Array.from({ length: CLIENTS }, (_, index) => ({
      ratePerSecond,
      ...(index < VANISHING_CLIENTS && { vanishesAfterMs: VANISHES_AFTER_MS }),
    })),
    durationMs,
    seed: 10,
  }).finally(() => swaps.stop());
  const settled = watch.samples.slice(Math.floor(watch.samples.length * SETTLED_AFTER));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const bytes = (samples: typeof settled) => median(samples.map(({ residentBytes }) => residentBytes));
  return {
    ...tallyOf(records),
    swaps: swaps.done,
    slowdown: round(slowdown, 2),
    outcomes: outcomes(records),
    rssGrowthPct: known((bytes(settled.slice(-third)) / bytes(settled.slice(0, third)) - 1) * 100, 2),
    residentMB: known(bytes(settled.slice(-third)) / 1e6, 1),
    eventLoopP99Ms: watch.eventLoopP99Ms,
    edgeThread: watch.edgeThread,
  };
}

/** What the machine takes longer now than when its tails were profiled, because of what else it does. */
async function slowdownOf(edgeUrl: string, workers: number): Promise<number> {
  const { cut } = await servedTail(edgeUrl, 'medium');
  const perSecond = await edgePerSecond(edgeUrl, 'medium', { workers, durationMs: CAPACITY_MS, seed: 0 });
  const slowdown = (workers * 1_000) / cut.tailMs / perSecond;
  return slowdown > 1 && Number.isFinite(slowdown) ? slowdown : 1;
}

/** Of whoever replaces models: an edge that believes a proxy takes that from nobody else. */
export const OPERATOR_TOKEN = 'operator-of-the-soak';

/** Replaces one model after another while they are in use. */
class Swaps {
  /** Versions that took another's place. */
  done = 0;
  readonly #ground: Ground;
  readonly #edgeUrl: string;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor(ground: Ground, edgeUrl: string) {
    this.#ground = ground;
    this.#edgeUrl = edgeUrl;
    this.#running = this.#run();
    // Told by `stop`.
    this.#running.catch(() => undefined);
  }

  /** @throws Error when the edge did not take a version */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    for (let turn = 0; !signal.aborted; turn += 1) {
      const name = NETWORK_NAMES[turn % NETWORK_NAMES.length] ?? 'short';
      await this.#ground.changeNetwork(name, 1 - (Math.floor(turn / NETWORK_NAMES.length) % 2));
      const before = await this.#manifest(name);
      const { ok, status } = await fetch(`${this.#edgeUrl}/v2/repository/models/${name}/load`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      });
      if (!ok || (await this.#manifest(name)) === before) throw new Error(`${name} was not replaced (${status})`);
      this.done += 1;
      await sleep(SWAP_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #manifest(name: string): Promise<string> {
    return await (await fetch(`${this.#edgeUrl}/v1/models/${name}/manifest`)).text();
  }
}
