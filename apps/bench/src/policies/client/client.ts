import type { Arm, Controller, EdgeLoad } from '@cutpoint/partition';
import { chunkBytesFor } from '@cutpoint/protocol';
import type { Tail } from '../edge/edge-queue.js';
import { type Direction, newTransfer, type Transfer } from '../link/direction.js';
import {
  CALIBRATION,
  FIRST_PINGS,
  PERIODIC_PROBE,
  PING_EVERY_MS,
  PROBE_EVERY_MS,
  ROUND_TRIP_NOISE,
} from '../protocol.js';
import { Random } from '../random.js';
import type { ArmTruth } from './arm-truth.js';
import type { RunNoise } from './run-noise.js';

export interface ClientOptions {
  readonly truth: ArmTruth;
  readonly up: Direction;
  readonly down: Direction;
  readonly noise: RunNoise;
  /** What decides; `undefined` for an oracle, which needs no observations. */
  readonly controller: Controller | undefined;
  /** Whether a silent link is probed every so often, as the papers of some policies have it ({@link PERIODIC_PROBE}). */
  readonly probesPeriodically: boolean;
  readonly seed: number;
}

/** One inference under way. */
export interface Request {
  readonly inference: number;
  readonly startMs: number;
  readonly arm: number;
  readonly headMs: number;
  /** When its tail can be queued at the edge; when it is done, if it is local. */
  readonly readyMs: number;
  readonly idleUpMs: number;
  readonly uploadSpanMs: number;
  /** When the last byte left. */
  readonly sentAtMs: number;
}

interface Later {
  readonly atMs: number;
  readonly happen: () => void;
}

/**
 * A page: runs heads, sends, waits, and tells its controller what `packages/client` would tell it, in that order. Time
 * comes from outside.
 */
export class Client {
  readonly truth: ArmTruth;
  readonly up: Direction;
  readonly down: Direction;
  readonly controller: Controller | undefined;
  probes = 0;
  probeBytes = 0;
  readonly #noise: RunNoise;
  readonly #probesPeriodically: boolean;
  readonly #random: Random;
  readonly #transfer: Transfer = newTransfer();
  readonly #later: Later[] = [];
  #pings = 0;
  #pingAtMs = 0;
  #askAtMs = PROBE_EVERY_MS;
  /** When the last byte went up. */
  #sentAtMs = 0;

  constructor({ truth, up, down, noise, controller, probesPeriodically, seed }: ClientOptions) {
    this.truth = truth;
    this.up = up;
    this.down = down;
    this.#noise = noise;
    this.controller = controller;
    this.#probesPeriodically = probesPeriodically;
    this.#random = new Random(seed);
    if (controller !== undefined) this.#warmUp(controller);
  }

  /** A report of the edge arrives. @param isFree nothing of an inference is at the edge: the queue is that of others */
  hear(load: EdgeLoad, atMs: number, isFree: boolean): void {
    const { queueMs: _queue, announcedMs: _announced, ...rest } = load;
    this.controller?.observeLoad(isFree ? load : rest, atMs);
  }

  /** When something happens next here beside inferences: a ping, a question for a probe, the echo of one. */
  get nextAtMs(): number {
    if (this.controller === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(this.#pingAtMs, this.#askAtMs, this.#later[0]?.atMs ?? Number.POSITIVE_INFINITY);
  }

  /** Lets happen what is next. @param isFree nothing of an inference is on the link, so it can be measured */
  tick(isFree: boolean): void {
    const { controller } = this;
    const nowMs = this.nextAtMs;
    const later = this.#later[0];
    if (controller === undefined) return;
    if (later !== undefined && later.atMs <= nowMs) {
      this.#later.shift();
      later.happen();
    } else if (this.#pingAtMs <= nowMs) {
      this.#pings++;
      this.#pingAtMs = nowMs + (this.#pings < FIRST_PINGS ? this.up.roundTripMs + 1 : PING_EVERY_MS);
      if (isFree) this.#echo(nowMs + this.#roundTripMs(), () => {});
    } else {
      this.#askAtMs = nowMs + PROBE_EVERY_MS;
      const probe = isFree ? (controller.probe(nowMs) ?? this.#periodicProbe(nowMs)) : undefined;
      if (probe !== undefined) this.#sendProbe(probe.numBytes, nowMs);
    }
  }

  /** Runs the head of an arm and sends what crosses. */
  begin(inference: number, startMs: number, arm: number): Request {
    const { truth } = this;
    const headMs = (truth.headMs[arm] ?? 0) * this.#noise.head(inference);
    const base = { inference, startMs, arm, headMs };
    if (truth.usesEdge[arm] !== true)
      return { ...base, readyMs: startMs + headMs, idleUpMs: 0, uploadSpanMs: 0, sentAtMs: 0 };
    const sendAtMs = startMs + headMs + (truth.encodeMs[arm] ?? 0);
    const idleUpMs = this.up.idleMs(sendAtMs);
    const { firstAtMs, lastAtMs, sentAtMs } = this.up.plan(sendAtMs, truth.bytesUp[arm] ?? 0, this.#transfer);
    this.up.commit(this.#transfer);
    this.#sentAtMs = lastAtMs;
    const readyMs = lastAtMs + (truth.decodeMs[arm] ?? 0);
    return { ...base, readyMs, idleUpMs, uploadSpanMs: lastAtMs - firstAtMs, sentAtMs };
  }

  /** Idle run time of the tail of a request, its scatter included. */
  tailMs({ arm, inference }: Request): number {
    return (this.truth.tailMs[arm] ?? 0) * this.#noise.tail(inference);
  }

  /** A local inference is done. @returns when */
  endLocal(request: Request): number {
    const { arm, headMs, readyMs, startMs } = request;
    const { controller, truth } = this;
    const cut = truth.arms[arm]?.cut ?? 0;
    if (controller !== undefined) {
      controller.observeHead(cut, headMs, readyMs);
      controller.observeOutcome({ cut, codec: 'f32', totalMs: readyMs - startMs, headMs, queueMs: 0, tailMs: 0 });
    }
    return readyMs;
  }

  /** When the answer to a tail that is done is here. */
  receive(finishMs: number, arm: number): number {
    this.down.plan(finishMs, this.truth.bytesDown[arm] ?? 0, this.#transfer);
    return this.#transfer.lastAtMs;
  }

  /** The answer is here: observes all that it tells. @param load the report that came with it. @returns when */
  end(request: Request, { startMs, finishMs, arrivalMs }: Tail, load: EdgeLoad): number {
    const { truth, controller } = this;
    const idleDownMs = this.down.idleMs(finishMs);
    const numBytesDown = truth.bytesDown[request.arm] ?? 0;
    const { firstAtMs, lastAtMs: doneMs } = this.down.plan(finishMs, numBytesDown, this.#transfer);
    this.down.commit(this.#transfer);
    const arm = truth.arms[request.arm];
    if (controller === undefined || arm === undefined) return doneMs;
    const { cut, codec } = arm;
    const tailMs = finishMs - startMs;
    controller.load.observeOwn(tailMs, doneMs);
    controller.observeLoad(load, doneMs);
    if (request.headMs > 0) controller.observeHead(cut, request.headMs, doneMs);
    const numBytes = afterFirstChunk(truth.bytesUp[request.arm] ?? 0);
    const { uploadSpanMs: spanMs, idleUpMs: idleMs, sentAtMs } = request;
    controller.observeTransfer('up', { numBytes, spanMs, idleMs, agoMs: doneMs - sentAtMs }, doneMs);
    controller.observeTransfer(
      'down',
      { numBytes: afterFirstChunk(numBytesDown), spanMs: doneMs - firstAtMs, idleMs: idleDownMs },
      doneMs,
    );
    controller.observeRoundTrip(this.#roundTripMs(), doneMs);
    controller.observeTail(cut, tailMs, doneMs);
    controller.observeBytes(cut, codec, truth.bytesUp[request.arm] ?? 0, doneMs);
    const encodeMs = truth.encodeMs[request.arm] ?? 0;
    controller.observeCodec(cut, codec, { encodeMs, decodeMs: truth.decodeMs[request.arm] ?? 0 }, doneMs);
    const { headMs } = request;
    const totalMs = doneMs - request.startMs;
    controller.observeOutcome({ cut, codec, totalMs, headMs, queueMs: startMs - arrivalMs, tailMs });
    return doneMs;
  }

  /** As the page does it in the background: a head that was built is timed, by the fastest of some runs, and ready then. */
  #warmUp(controller: Controller): void {
    const { arms, headMs } = this.truth;
    controller.observeConnection(true);
    const trueMs = new Map(arms.map(({ cut }, index) => [cut, headMs[index] ?? 0]));
    let runs = 0;
    for (const cut of this.#cutsAsBuilt()) {
      let fastestMs = Number.POSITIVE_INFINITY;
      for (let run = 0, spentMs = 0; run < CALIBRATION.runs && spentMs < CALIBRATION.forMs; run++) {
        const tookMs = (trueMs.get(cut) ?? 0) * this.#noise.head(runs++);
        spentMs += tookMs;
        fastestMs = Math.min(fastestMs, tookMs);
      }
      if (fastestMs > 0) controller.observeHead(cut, fastestMs, 0);
      controller.setReady(cut, true);
    }
  }

  /** The head that the device is learnt by (a tenth of the whole, of at most some ms), then all others. */
  #cutsAsBuilt(): number[] {
    const { arms } = this.truth;
    const targetMs = Math.min(Math.max(...arms.map(({ headMs }) => headMs)) / 10, 5);
    const off = ({ headMs }: Arm) => (headMs > 0 ? Math.abs(headMs - targetMs) : Number.POSITIVE_INFINITY);
    const first = arms.reduce((best, arm) => (off(arm) < off(best) ? arm : best));
    return [...new Set([first.cut, ...arms.map(({ cut }) => cut)])];
  }

  #periodicProbe(nowMs: number): { readonly numBytes: number } | undefined {
    const { afterSilenceMs, numBytes } = PERIODIC_PROBE;
    return this.#probesPeriodically && nowMs - this.#sentAtMs >= afterSilenceMs ? { numBytes } : undefined;
  }

  #sendProbe(numBytes: number, nowMs: number): void {
    this.probes++;
    this.probeBytes += numBytes;
    const idleMs = this.up.idleMs(nowMs);
    const { firstAtMs, lastAtMs } = this.up.plan(nowMs, numBytes, this.#transfer);
    this.up.commit(this.#transfer);
    this.#sentAtMs = lastAtMs;
    const sample = { numBytes: afterFirstChunk(numBytes), spanMs: lastAtMs - firstAtMs, idleMs };
    const backAtMs = lastAtMs + this.#roundTripMs() / 2;
    this.#echo(backAtMs, () => this.controller?.observeTransfer('up', sample, backAtMs));
  }

  /** A small frame comes back: a round trip is known. */
  #echo(atMs: number, also: () => void): void {
    const roundTripMs = this.#roundTripMs();
    this.#later.push({
      atMs,
      happen: () => {
        also();
        this.controller?.observeRoundTrip(roundTripMs, atMs);
      },
    });
    this.#later.sort((a, b) => a.atMs - b.atMs);
  }

  #roundTripMs(): number {
    const { roundTripMs } = this.up;
    return roundTripMs + this.#random.exponential(ROUND_TRIP_NOISE.ms + ROUND_TRIP_NOISE.share * roundTripMs);
  }
}

/** A receiver stamps whole chunks: what came after the first one is what a rate can be taken from. */
function afterFirstChunk(numBytes: number): number {
  return numBytes - Math.min(numBytes, chunkBytesFor(numBytes));
}
