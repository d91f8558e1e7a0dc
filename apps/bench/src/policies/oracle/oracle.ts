import type { Client } from '../client/client.js';
import type { RunNoise } from '../client/run-noise.js';
import { type Canary, EdgeQueue } from '../edge/edge-queue.js';
import { type LoadPath, PathCursor } from '../edge/load-path.js';
import { newTransfer } from '../link/direction.js';
import { RateTrace } from '../link/rate-trace.js';
import { type FutureDraws, SampledFuture } from './sampled-future.js';

export interface OracleOptions {
  readonly path: LoadPath;
  readonly tailsMs: readonly number[];
  readonly canaries: readonly Canary[];
  readonly model: number;
  readonly noise: RunNoise;
  readonly futures: number;
  /** Over how long whoever knows a link knows its present rate, in ms. */
  readonly presentRateMs: number;
  readonly draws: FutureDraws;
}

/** The state of the world at one decision. */
export interface Moment {
  readonly nowMs: number;
  readonly inference: number;
  readonly queue: EdgeQueue<PathCursor>;
  readonly client: Client;
}

/**
 * Knows the true state at every decision, and works out what each arm takes: in the future that comes
 * ({@link realised}), and in the mean of futures that may come ({@link expected}).
 *
 * A place is held from the decision on, and what the background does before our tail begins does not depend on the arm; what it does
 * after does not matter. So one sweep over the background serves all arms, in the order of their arrival.
 */
export class Oracle {
  readonly #options: OracleOptions;
  readonly #real: EdgeQueue<PathCursor>;
  readonly #sampled: EdgeQueue<SampledFuture>;
  readonly #future: SampledFuture;
  readonly #transfer = newTransfer();
  #order: number[] = [];
  #arrivalMs = new Float64Array(0);
  #downMs = new Float64Array(0);
  #reference = 0;
  #upTrace: RateTrace | undefined;
  #downTrace: RateTrace | undefined;

  constructor(options: OracleOptions) {
    const { path, tailsMs, canaries, draws } = options;
    this.#options = options;
    this.#real = new EdgeQueue(new PathCursor(path), tailsMs, canaries);
    this.#future = new SampledFuture(path, draws);
    this.#sampled = new EdgeQueue(this.#future, tailsMs, canaries);
  }

  /**
   * Latency of every arm in the future that comes, in ms. Arms that cannot be the best, because they arrive when another
   * is done, are `Infinity`, unless they are in `wanted`.
   */
  realised(moment: Moment, wanted: readonly number[], into: Float64Array): Float64Array {
    const { nowMs, inference, client, queue } = moment;
    const { truth } = client;
    const head = this.#options.noise.head(inference);
    const tail = this.#options.noise.tail(inference);
    this.#arrivals(moment, head, undefined);
    let bestMs = localMs(client, head, into);
    const real = this.#real;
    real.copyFrom(queue);
    real.source.copyFrom(queue.source);
    const place = new HeldPlace(real, announcedAt(moment));
    for (const arm of this.#order) {
      const arrivalMs = this.#arrivalMs[arm] ?? 0;
      if (arrivalMs - nowMs >= bestMs && !wanted.includes(arm)) continue;
      const startMs = place.startOf(arrivalMs);
      const finishMs = startMs + (truth.tailMs[arm] ?? 0) * tail * place.slowdown;
      const latencyMs = client.receive(finishMs, arm) - nowMs;
      into[arm] = latencyMs;
      if (latencyMs < bestMs) bestMs = latencyMs;
    }
    return into;
  }

  /**
   * Expected latency of every arm, knowing the true state and the law of the load, in ms; `Infinity` for arms that cannot
   * be the best and are not in `wanted`. The link is taken to keep its present rate, runs to take their mean.
   */
  expected(moment: Moment, wanted: readonly number[], into: Float64Array): Float64Array {
    const { nowMs, inference, client, queue } = moment;
    const { truth } = client;
    const { futures } = this.#options;
    this.#arrivals(moment, 1, this.#presentTrace(moment));
    const localBestMs = localMs(client, 1, into);
    const sampled = this.#sampled;
    const sweep = (arms: readonly number[], number: number) => {
      sampled.copyFrom(queue);
      this.#future.begin(nowMs, inference * futures + number);
      const place = new HeldPlace(sampled, announcedAt(moment));
      for (const arm of arms) {
        const startMs = place.startOf(this.#arrivalMs[arm] ?? 0);
        into[arm] = (into[arm] ?? 0) + startMs + (truth.tailMs[arm] ?? 0) * place.slowdown;
      }
    };
    const latencyOf = (arm: number) => (into[arm] ?? 0) / futures + (this.#downMs[arm] ?? 0) - nowMs;
    // What the best arm of last time takes now bounds what any other may take: few of them need all futures.
    let boundMs = localBestMs;
    if (truth.usesEdge[this.#reference] === true) {
      into[this.#reference] = 0;
      for (let number = 0; number < futures; number++) sweep([this.#reference], number);
      boundMs = Math.min(boundMs, latencyOf(this.#reference) + 1e-9);
    }
    const arms = this.#order.filter((arm) => {
      const leastMs = (this.#arrivalMs[arm] ?? 0) + (truth.tailMs[arm] ?? 0) + (this.#downMs[arm] ?? 0) - nowMs;
      return leastMs <= boundMs || wanted.includes(arm);
    });
    for (const arm of this.#order) into[arm] = Number.POSITIVE_INFINITY;
    for (const arm of arms) into[arm] = 0;
    for (let number = 0; number < futures; number++) sweep(arms, number);
    for (const arm of arms) into[arm] = latencyOf(arm);
    this.#reference = indexOfLeast(into);
    return into;
  }

  /** When each arm's tail can be queued, and the order of that; when held, also how long an answer takes. */
  #arrivals({ nowMs, client }: Moment, head: number, held: { up: RateTrace; down: RateTrace } | undefined): void {
    const { truth, up, down } = client;
    const count = truth.arms.length;
    if (this.#arrivalMs.length !== count) {
      this.#arrivalMs = new Float64Array(count);
      this.#downMs = new Float64Array(count);
      this.#order = truth.arms.flatMap(({ usesEdge }, index) => (usesEdge ? [index] : []));
    }
    for (const arm of this.#order) {
      const sendAtMs = nowMs + (truth.headMs[arm] ?? 0) * head + (truth.encodeMs[arm] ?? 0);
      up.plan(sendAtMs, truth.bytesUp[arm] ?? 0, this.#transfer, held?.up);
      this.#arrivalMs[arm] = this.#transfer.lastAtMs + (truth.decodeMs[arm] ?? 0);
      if (held === undefined) continue;
      down.plan(nowMs, truth.bytesDown[arm] ?? 0, this.#transfer, held.down);
      this.#downMs[arm] = this.#transfer.lastAtMs - nowMs;
    }
    sortBy(this.#order, this.#arrivalMs);
  }

  #presentTrace({ nowMs, client: { up, down } }: Moment): { up: RateTrace; down: RateTrace } {
    if (up.trace.isConstant && down.trace.isConstant) return { up: up.trace, down: down.trace };
    const { presentRateMs } = this.#options;
    const upRate = up.trace.recentRate(nowMs, presentRateMs);
    const downRate = down.trace.recentRate(nowMs, presentRateMs);
    if (this.#upTrace?.rateAt(0) !== upRate) this.#upTrace = RateTrace.constant(upRate);
    if (this.#downTrace?.rateAt(0) !== downRate) this.#downTrace = RateTrace.constant(downRate);
    return { up: this.#upTrace, down: this.#downTrace };
  }
}

/** When the edge hears of an inference that is decided on now. */
function announcedAt({ nowMs, client }: Moment): number {
  return nowMs + client.up.roundTripMs / 2;
}

/** What a request meets that holds a place since `announcedMs`, by the moment at which its payload is whole. */
class HeldPlace {
  slowdown = 1;
  readonly #queue: EdgeQueue;
  readonly #announcedMs: number;
  #startMs = Number.NEGATIVE_INFINITY;

  constructor(queue: EdgeQueue, announcedMs: number) {
    this.#queue = queue;
    this.#announcedMs = announcedMs;
  }

  /** @param arrivalMs none earlier than the one before */
  startOf(arrivalMs: number): number {
    // Whoever comes before the worker is free again starts then, like the one before.
    if (arrivalMs <= this.#startMs) return this.#startMs;
    const queue = this.#queue;
    queue.advance(arrivalMs);
    this.#startMs = queue.freeFor(this.#announcedMs, arrivalMs);
    this.slowdown = queue.source.slowdownAt(this.#startMs);
    return this.#startMs;
  }
}

/** The first of the least. */
export function indexOfLeast(values: Float64Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] ?? 0) < (values[best] ?? 0)) best = index;
  }
  return best;
}

/** Fills in the local arms, and everything else as not looked at. @returns the best of the local ones */
function localMs({ truth }: Client, head: number, into: Float64Array): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let arm = 0; arm < into.length; arm++) {
    into[arm] = Number.POSITIVE_INFINITY;
    if (truth.usesEdge[arm] === true) continue;
    into[arm] = (truth.headMs[arm] ?? 0) * head;
    bestMs = Math.min(bestMs, into[arm] ?? 0);
  }
  return bestMs;
}

/** By insertion: from one decision to the next the order hardly changes. */
function sortBy(indexes: number[], keys: Float64Array): void {
  for (let place = 1; place < indexes.length; place++) {
    const index = indexes[place] ?? 0;
    const key = keys[index] ?? 0;
    let before = place - 1;
    while (before >= 0 && (keys[indexes[before] ?? 0] ?? 0) > key) {
      indexes[before + 1] = indexes[before] ?? 0;
      before--;
    }
    indexes[before + 1] = index;
  }
}
