import type { Arm } from '../arm.js';
import type { ConditionValues } from '../cost.js';

/** What every policy is given. */
export interface PolicyInput {
  readonly arms: readonly Arm[];
  readonly at: ConditionValues;
  /** Predicted latency of each arm by the whole formula, corrections included. */
  readonly totalsMs: ArrayLike<number>;
  /** 1 for each arm that may be chosen: the policy considers it, and it can run. */
  readonly allowed: ArrayLike<number>;
  /** Index of the arm in use, -1 when there is none. */
  readonly current: number;
  /** What the arm in use has been predicted to take lately. */
  readonly usualMs: number;
}

/** Both functions are pure. */
export interface Policy {
  /** Whether this policy would ever use the arm. */
  considers(arm: Arm): boolean;
  /** Index of the arm to use, -1 when none is allowed. */
  choose(input: PolicyInput): number;
}

/** Index of the lowest finite score among the allowed arms, the first of equals; -1 when there is none. */
export function argMin(input: PolicyInput, score: (arm: Arm, index: number) => number): number {
  let best = -1;
  let bestScore = Number.POSITIVE_INFINITY;
  for (let index = 0; index < input.arms.length; index++) {
    const arm = input.arms[index];
    if (arm === undefined || input.allowed[index] !== 1) continue;
    const value = score(arm, index);
    if (value < bestScore) {
      best = index;
      bestScore = value;
    }
  }
  return best;
}

/** The allowed arm of the lowest predicted latency. */
export function fastest(input: PolicyInput): number {
  return argMin(input, (_arm, index) => input.totalsMs[index] ?? Number.POSITIVE_INFINITY);
}
