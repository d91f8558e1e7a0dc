import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';
import { type ConditionValues, predictTotal, valuesOf } from './cost.js';
import type { DecisionInput } from './decision.js';

/** Every arm as it stands at the moment of the decision. */
export interface Field {
  readonly at: ConditionValues;
  readonly totalsMs: Float64Array;
  /** Indexes of the arms that the network allows, and of those among them that are ready. */
  readonly reachable: readonly number[];
  readonly runnable: readonly number[];
}

export function survey(input: DecisionInput): Field {
  const { arms, conditions, ready } = input;
  const values = valuesOf(conditions);
  const reachable: number[] = [];
  const runnable: number[] = [];
  for (let index = 0; index < arms.length; index++) {
    if (!isReachable(at(arms, index), conditions)) continue;
    reachable.push(index);
    if (ready[index] === 1) runnable.push(index);
  }
  return { at: values, totalsMs: totalsAt(input, values), reachable, runnable };
}

/** Predicted latency of every arm. */
export function totalsAt(input: DecisionInput, values: ConditionValues): Float64Array {
  const { arms, headFactors, tailFactors } = input;
  const totalsMs = new Float64Array(arms.length);
  for (let index = 0; index < totalsMs.length; index++) {
    totalsMs[index] = predictTotal(at(arms, index), values, headFactors[index], tailFactors[index]);
  }
  return totalsMs;
}

export function isReachable(arm: Arm, conditions: Conditions): boolean {
  return conditions.connected || !arm.usesEdge;
}

export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${list.length}`);
  return item;
}
