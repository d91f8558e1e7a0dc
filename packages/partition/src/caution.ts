import type { Conditions, Estimate } from './conditions.js';
import { type ConditionValues, valuesOf } from './cost.js';

/**
 * So many standard deviations for the worse a decision takes what it is not sure of. Little: on the average it costs
 * latency to be afraid, but of two arms that promise the same, the one that rests on what is known should win.
 */
export const RISK = 0.1;
/** The same for a deadline that is to be made in 19 of 20 cases (one-sided, normal). */
export const DEADLINE_RISK = 1.64;
/**
 * Of the time until its arrival so much counts as waiting, whatever the queue. What is known of a queue is some time old:
 * of two arms that both arrive before their turn the earlier one is the better.
 */
export const QUEUE_DOUBT = 0.1;

/**
 * The conditions with every estimate `risk` standard deviations for the worse, and {@link QUEUE_DOUBT}. All at once: the
 * errors are taken to come together, which bounds the deviation of their sum from above, and leaves the cost of an arm
 * the kind of sum that it was.
 */
export function cautious(conditions: Conditions, risk: number): ConditionValues {
  const values = valuesOf(conditions);
  const queueMs = risk * conditions.queueMs.uncertainty;
  return {
    ...values,
    uplink: values.uplink / factor(conditions.uplink, risk),
    downlink: values.downlink / factor(conditions.downlink, risk),
    fixedMs: values.fixedMs + risk * conditions.fixedMs.uncertainty,
    queueMs: values.queueMs + queueMs,
    residualMs: values.residualMs + queueMs,
    queueDoubt: risk > 0 ? QUEUE_DOUBT : 0,
    k: values.k * factor(conditions.k, risk),
    d: values.d * factor(conditions.d, risk),
  };
}

function factor({ value, uncertainty }: Estimate, risk: number): number {
  return value > 0 ? Math.exp((risk * uncertainty) / value) : 1;
}
