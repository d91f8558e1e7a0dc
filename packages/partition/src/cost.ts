import { type Arm, isPicture } from './arm.js';
import type { Ahead, Conditions } from './conditions.js';
import type { Terms } from './plan.js';
import { slowStartRounds, stallMs } from './slow-start.js';

/** The conditions as bare numbers, which is what the formula needs and what is cheap to vary one at a time. */
export interface ConditionValues {
  readonly uplink: number;
  readonly downlink: number;
  readonly fixedMs: number;
  readonly slowStartMs: number;
  readonly queueMs: number;
  readonly announcedMs: number;
  readonly busy: number;
  readonly residualMs: number;
  /** Share of the time until its arrival that a request is taken to wait beside what it hides behind the queue, 0..1. */
  readonly queueDoubt: number;
  readonly k: number;
  readonly kWithQueue: number;
  readonly gpuUtilisation: number | null;
  readonly d: number;
  readonly overheadMs: number;
  readonly ahead: Ahead;
}

export const NOTHING_AHEAD: Ahead = Object.freeze({ headMs: 0, pictureMs: 0, tailMs: 0 });

export function valuesOf(conditions: Conditions): ConditionValues {
  return {
    uplink: conditions.uplink.value,
    downlink: conditions.downlink.value,
    fixedMs: conditions.fixedMs.value,
    slowStartMs: conditions.slowStartMs,
    queueMs: conditions.queueMs.value,
    announcedMs: conditions.announcedMs,
    busy: conditions.busy,
    residualMs: conditions.residualMs,
    queueDoubt: 0,
    k: conditions.k.value,
    kWithQueue: conditions.kWithQueue.value,
    gpuUtilisation: conditions.gpuUtilisation,
    d: conditions.d.value,
    overheadMs: conditions.overheadMs.value,
    ahead: conditions.ahead ?? NOTHING_AHEAD,
  };
}

/** How real runs correct the profiled figures of one arm. */
export interface ArmFactors {
  /** Measured ÷ d·head of this very head, and measured ÷ k·tail of this very tail. */
  readonly head: number;
  readonly tail: number;
  /** Bytes that really went up ÷ profiled ones: for codecs whose output depends on the content. */
  readonly bytes: number;
  /** Measured ÷ profiled time of encoding, and of decoding. */
  readonly encode: number;
  readonly decode: number;
  /** How often head or tail of this cut really ran. */
  readonly runs: number;
}

export const UNCORRECTED: ArmFactors = Object.freeze({ head: 1, tail: 1, bytes: 1, encode: 1, decode: 1, runs: 0 });

/**
 * A queue that is found shorter than the rest of a tail in the mean is that long again after this time: about one tail
 * has begun by then.
 */
export const QUEUE_RISE_MS = 100;

/**
 * Queue delay that a request will find which is announced now and arrives in `inMs` and half a round trip. What is known of
 * the queue left the edge half a round trip ago, and the request has its place there in another half: meanwhile the queue
 * goes down only by what does not come anew. From then on it goes down by 1 ms a ms; only what others announced earlier may
 * still come before it, no faster than work comes at all. Whoever arrives finds some tail running, and waits for the rest
 * of it. Tails of this page go before it as well; what is known of the queue does not hold them.
 */
export function queueAt(at: ConditionValues, inMs: number): number {
  return Math.max(queueOfOthersAt(at, inMs), at.ahead.tailMs - at.fixedMs / 2 - inMs);
}

function queueOfOthersAt(at: ConditionValues, inMs: number): number {
  const { queueMs, residualMs, busy, fixedMs } = at;
  if (queueMs < residualMs) {
    return queueMs + (residualMs - queueMs) * Math.min(1, (fixedMs + inMs) / QUEUE_RISE_MS);
  }
  const placedMs = Math.max(residualMs, queueMs - (1 - Math.min(1, busy)) * fixedMs);
  return Math.max(residualMs, placedMs + comesBefore(at, inMs) - inMs);
}

/** Until the worker that this arm needs first has done what it was asked before. */
function waitOf({ cut, codec, usesEdge }: Arm, { headMs, pictureMs }: Ahead): number {
  if (!usesEdge || cut !== 0) return headMs;
  return isPicture(codec) ? pictureMs : 0;
}

function comesBefore({ announcedMs, busy, queueDoubt }: ConditionValues, inMs: number): number {
  return Math.max(queueDoubt * inMs, Math.min(announcedMs, Math.min(1, busy) * inMs));
}

/**
 * The cost of an arm, term by term:
 *
 *     latency = wait + d·head + encode + fixed + bytesUp/uplink + q + k·tail + decode + bytesDown/downlink
 *
 * A local arm has only its first two terms. Every arm has the page's own overhead on top, which is counted in `fixedMs`. The upload includes the stalls of TCP's slow start, when it starts anew; q is
 * what will be left of the queue when the request arrives ({@link queueAt}).
 */
export function predict(arm: Arm, at: ConditionValues, factors: ArmFactors = UNCORRECTED): Terms {
  const waitMs = waitOf(arm, at.ahead);
  const headMs = at.d * arm.headMs * factors.head;
  if (!arm.usesEdge) {
    return {
      waitMs,
      headMs,
      encodeMs: 0,
      fixedMs: at.overheadMs,
      uploadMs: 0,
      queueMs: 0,
      tailMs: 0,
      decodeMs: 0,
      downloadMs: 0,
    };
  }
  const encodeMs = (arm.encodeMs ?? 0) * factors.encode;
  const uploadMs = uploadTime(arm.bytesUp * factors.bytes, at);
  return {
    waitMs,
    headMs,
    encodeMs,
    fixedMs: at.fixedMs + at.overheadMs,
    uploadMs,
    queueMs: queueAt(at, waitMs + headMs + encodeMs + uploadMs),
    tailMs: at.k * arm.tailMs * factors.tail,
    decodeMs: (arm.decodeMs ?? 0) * factors.decode,
    downloadMs: arm.bytesDown / at.downlink,
  };
}

/** The sum of {@link predict}'s terms, without making the record. */
export function predictTotal(arm: Arm, at: ConditionValues, factors: ArmFactors = UNCORRECTED): number {
  const headMs = waitOf(arm, at.ahead) + at.d * arm.headMs * factors.head;
  if (!arm.usesEdge) return headMs + at.overheadMs;
  const untilArrivalMs = headMs + (arm.encodeMs ?? 0) * factors.encode + uploadTime(arm.bytesUp * factors.bytes, at);
  return (
    untilArrivalMs +
    queueAt(at, untilArrivalMs) +
    at.fixedMs +
    at.overheadMs +
    at.k * arm.tailMs * factors.tail +
    (arm.decodeMs ?? 0) * factors.decode +
    arm.bytesDown / at.downlink
  );
}

function uploadTime(numBytes: number, { uplink, slowStartMs }: ConditionValues): number {
  const sendMs = numBytes / uplink;
  return slowStartMs > 0 ? sendMs + stallMs(slowStartRounds(numBytes), slowStartMs, uplink) : sendMs;
}

/** Of what is all ms. */
export function totalOf(terms: Terms | Ahead): number {
  const all: readonly number[] = Object.values(terms);
  return all.reduce((sum, ms) => sum + ms, 0);
}
