import { predictTotal, UNCORRECTED, valuesOf } from './cost.js';
import type { DecisionInput } from './decision.js';
import { at } from './decision.js';
import type { LinkState } from './link-state.js';
import { optionsOf } from './options.js';
import { SWITCH_MS, SWITCH_SHARE } from './steadiness.js';

/** Three chunks of a KiB: fits in the first window of a TCP sender, so slow start does not touch it. */
export const PROBE_BYTES = 3072;
/** What is left for second looks when a first one is sent: two probes. */
export const PROBE_RESERVE_BYTES = 2 * PROBE_BYTES;
/** A link that was measured less than this ago needs no probe, */
const STALE_MS = 2_000;
/** unless what was measured was a surprise: then one more, after this time, tells a step from an outlier. */
const UNSURE_MS = 400;

/**
 * Whether a probe of the uplink is worth its bytes: the estimate is old, and were the link as good as it lately was, or
 * as is usual, another arm would be clearly faster than the one in use.
 */
export function wantsProbe(input: DecisionInput, link: LinkState, nowMs: number): boolean {
  const { conditions, memory, arms, factors } = input;
  if (!conditions.connected || memory === undefined || !isOld(conditions.uplink.ageMs, link)) return false;
  const values = valuesOf(conditions);
  const hoped = { ...values, uplink: Math.max(values.uplink, link.uplink.hopedRate(nowMs)) };
  const cost = (index: number) => predictTotal(at(arms, index), hoped, factors[index] ?? UNCORRECTED);
  const currentMs = cost(memory.chosen);
  const { runnable } = optionsOf(input);
  return runnable.some((index) => currentMs - cost(index) > SWITCH_MS + SWITCH_SHARE * currentMs);
}

function isOld(ageMs: number, link: LinkState): boolean {
  return ageMs >= (link.uplink.isSurprised ? UNSURE_MS : STALE_MS);
}
