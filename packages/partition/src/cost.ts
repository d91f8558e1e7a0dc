import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';
import type { Terms } from './plan.js';

/** The conditions as bare numbers, which is what the formula needs and what is cheap to vary one at a time. */
export interface ConditionValues {
  readonly uplink: number;
  readonly downlink: number;
  readonly fixedMs: number;
  readonly queueMs: number;
  readonly k: number;
  readonly d: number;
}

export function valuesOf(conditions: Conditions): ConditionValues {
  return {
    uplink: conditions.uplink.value,
    downlink: conditions.downlink.value,
    fixedMs: conditions.fixedMs.value,
    queueMs: conditions.queueMs.value,
    k: conditions.k.value,
    d: conditions.d.value,
  };
}

/**
 * The cost of an arm, term by term:
 *
 *     latency = d·head + encode + fixed + bytesUp/uplink + q + k·tail + decode + bytesDown/downlink
 *
 * A local arm has only its first term. The queue that was reported drains while head and upload run, so what is left
 * of it at arrival counts.
 *
 * @param headFactor what real runs of this very head say: measured ÷ d·head
 * @param tailFactor the same of its tail: measured ÷ k·tail
 */
export function predict(arm: Arm, at: ConditionValues, headFactor = 1, tailFactor = 1): Terms {
  const headMs = at.d * arm.headMs * headFactor;
  if (!arm.usesEdge) {
    return { headMs, encodeMs: 0, fixedMs: 0, uploadMs: 0, queueMs: 0, tailMs: 0, decodeMs: 0, downloadMs: 0 };
  }
  const encodeMs = arm.encodeMs ?? 0;
  const uploadMs = arm.bytesUp / at.uplink;
  return {
    headMs,
    encodeMs,
    fixedMs: at.fixedMs,
    uploadMs,
    queueMs: Math.max(0, at.queueMs - (headMs + encodeMs + uploadMs)),
    tailMs: at.k * arm.tailMs * tailFactor,
    decodeMs: arm.decodeMs ?? 0,
    downloadMs: arm.bytesDown / at.downlink,
  };
}

/** The sum of {@link predict}'s terms, without making the record. */
export function predictTotal(arm: Arm, at: ConditionValues, headFactor = 1, tailFactor = 1): number {
  const headMs = at.d * arm.headMs * headFactor;
  if (!arm.usesEdge) return headMs;
  // Head, codec and upload; for as long as that takes the queue drains.
  const untilArrivalMs = headMs + (arm.encodeMs ?? 0) + arm.bytesUp / at.uplink;
  return (
    Math.max(untilArrivalMs, at.queueMs) +
    at.fixedMs +
    at.k * arm.tailMs * tailFactor +
    (arm.decodeMs ?? 0) +
    arm.bytesDown / at.downlink
  );
}

export function totalOf(terms: Terms): number {
  return (
    terms.headMs +
    terms.encodeMs +
    terms.fixedMs +
    terms.uploadMs +
    terms.queueMs +
    terms.tailMs +
    terms.decodeMs +
    terms.downloadMs
  );
}
