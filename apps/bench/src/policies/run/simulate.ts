import { Client } from '../client/client.js';
import { EdgeQueue, type Place, type Tail } from '../edge/edge-queue.js';
import { EdgeServer, type LoadNews } from '../edge/edge-server.js';
import { phaseAt } from '../edge/load-law.js';
import { PathCursor } from '../edge/load-path.js';
import { Direction } from '../link/direction.js';
import { indexOfLeast, type Moment, Oracle } from '../oracle/oracle.js';
import { PERIOD_MS, PRESENT_RATE_MS, SAMPLED_FUTURES } from '../protocol.js';
import { seedOf } from '../random.js';
import type { ArmSet, World } from './cell.js';
import { type Contestant, controllerOf, nameOf, probesPeriodically } from './contestant.js';
import type { InferenceRecord, RunLog, Verdict } from './run-log.js';

export interface SimulateOptions {
  readonly armSet: ArmSet;
  /** Whether the oracles are asked about every decision that is counted. */
  readonly judged: boolean;
  /** Default {@link SAMPLED_FUTURES}. */
  readonly futures?: number;
}

/** One contestant, alone with the edge, through a whole cell: one inference at a time. */
export function simulate(world: World, contestant: Contestant, options: SimulateOptions): RunLog {
  return new Simulation(world, contestant, options).run();
}

class Simulation {
  readonly #world: World;
  readonly #contestant: Contestant;
  readonly #judged: boolean;
  readonly #queue: EdgeQueue<PathCursor>;
  readonly #server: EdgeServer;
  readonly #client: Client;
  readonly #oracle: Oracle;
  readonly #news: LoadNews[] = [];
  /** Of the inference that is under way. */
  #tail: Tail | undefined;
  readonly #expected: Float64Array;
  readonly #realised: Float64Array;

  constructor(world: World, contestant: Contestant, { armSet, judged, futures = SAMPLED_FUTURES }: SimulateOptions) {
    const { cell, path, tailsMs, canaries, names, noise } = world;
    const { network: model, link, seed } = cell;
    this.#world = world;
    this.#contestant = contestant;
    this.#judged = judged;
    this.#queue = new EdgeQueue(new PathCursor(path), tailsMs, canaries);
    this.#server = new EdgeServer({
      queue: this.#queue,
      models: [model],
      names,
      tenantShare: world.hasGpu ? (fromMs, toMs) => path.tenantShare(fromMs, toMs) : undefined,
      clients: 1,
      onNews: (news) => this.#news.push(news),
      onStart: (tail) => {
        this.#tail = tail;
      },
    });
    const truth = world.truth(armSet);
    this.#client = new Client({
      truth,
      up: new Direction(link.up, link.roundTripMs),
      down: new Direction(link.down, link.roundTripMs),
      noise,
      probesPeriodically: probesPeriodically(contestant),
      controller: controllerOf(contestant, truth.arms, seedOf('controller', seed)),
      seed: seedOf('client', seed),
    });
    const presentRateMs = PRESENT_RATE_MS;
    const { draws } = world;
    this.#oracle = new Oracle({ path, tailsMs, canaries, model, noise, futures, presentRateMs, draws });
    this.#expected = new Float64Array(truth.arms.length);
    this.#realised = new Float64Array(truth.arms.length);
  }

  run(): RunLog {
    const records: InferenceRecord[] = [];
    let inference = 0;
    for (let nowMs = PERIOD_MS; nowMs < this.#world.endMs; inference++) {
      this.#passTo(nowMs, true);
      const { record, doneMs } = this.#infer(inference, nowMs);
      records.push(record);
      nowMs = Math.max(nowMs + PERIOD_MS, doneMs);
    }
    const { probes, probeBytes } = this.#client;
    return { contestant: nameOf(this.#contestant), records, probes, probeBytes };
  }

  #infer(inference: number, nowMs: number): { record: InferenceRecord; doneMs: number } {
    const { truth } = this.#client;
    const phase = phaseAt(this.#world.phases, nowMs);
    const moment = { nowMs, inference, queue: this.#queue, client: this.#client };
    const arm = this.#choose(moment);
    const verdict = this.#judged && phase > 0 ? this.#judge(moment, arm) : undefined;
    const doneMs = this.#carryOut(inference, nowMs, arm);
    const bytesUp = truth.bytesUp[arm] ?? 0;
    return { record: { startMs: nowMs, latencyMs: doneMs - nowMs, arm, phase, bytesUp, verdict }, doneMs };
  }

  #choose(moment: Moment): number {
    const contestant = this.#contestant;
    switch (contestant.kind) {
      case 'fixed':
        return contestant.arm;
      case 'informed':
        return indexOfLeast(this.#oracle.expected(moment, [], this.#expected));
      case 'clairvoyant':
        return indexOfLeast(this.#oracle.realised(moment, [], this.#realised));
      case 'policy': {
        const { controller, truth } = this.#client;
        const chosen = controller?.decide(moment.nowMs).chosen.arm;
        return chosen === undefined ? 0 : truth.arms.indexOf(chosen);
      }
    }
  }

  #judge(moment: Moment, arm: number): Verdict {
    const expected = this.#oracle.expected(moment, [arm], this.#expected);
    const informedArm = indexOfLeast(expected);
    const realised = this.#oracle.realised(moment, [arm, informedArm], this.#realised);
    const clairvoyantArm = indexOfLeast(realised);
    return {
      informedArm,
      informedMs: realised[informedArm] ?? 0,
      chosenExpectedMs: expected[arm] ?? 0,
      informedExpectedMs: expected[informedArm] ?? 0,
      clairvoyantArm,
      clairvoyantMs: realised[clairvoyantArm] ?? 0,
    };
  }

  /** @returns when it is done */
  #carryOut(inference: number, nowMs: number, arm: number): number {
    const client = this.#client;
    const server = this.#server;
    const request = client.begin(inference, nowMs, arm);
    if (client.truth.usesEdge[arm] !== true) {
      this.#passTo(request.readyMs, true);
      return client.endLocal(request);
    }
    const { network: model, link } = this.#world.cell;
    const announcedMs = nowMs + link.roundTripMs / 2;
    server.advance(announcedMs);
    const profiledMs = client.truth.tailMs[arm] ?? 0;
    const place = server.reserve({ model, announcedMs, idleMs: client.tailMs(request), profiledMs });
    server.advance(request.readyMs);
    server.submit(place, request.readyMs);
    const tail = this.#tailOf(place);
    server.advance(tail.finishMs);
    const load = server.loadOf(model, tail.finishMs);
    this.#passTo(client.receive(tail.finishMs, arm), false);
    return client.end(request, tail, load);
  }

  /** Lets the edge go on until it has begun. */
  #tailOf(place: Place): Tail {
    while (this.#tail?.place !== place) this.#server.advance(this.#server.nextAtMs);
    return this.#tail;
  }

  /** Lets pass what happens beside inferences, at the edge and in the page, in the order in which the page learns it. */
  #passTo(nowMs: number, isFree: boolean): void {
    const client = this.#client;
    this.#server.advance(nowMs);
    const wayMs = this.#world.cell.link.roundTripMs / 2;
    for (;;) {
      const newsAtMs = (this.#news[0]?.atMs ?? Number.POSITIVE_INFINITY) + wayMs;
      const tickAtMs = client.nextAtMs;
      if (Math.min(newsAtMs, tickAtMs) > nowMs) return;
      if (newsAtMs > tickAtMs) {
        client.tick(isFree);
        continue;
      }
      const load = this.#news.shift()?.byModel.get(this.#world.cell.network);
      if (load !== undefined) client.hear(load, newsAtMs, isFree);
    }
  }
}
