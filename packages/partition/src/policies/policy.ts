import type { Arm } from '../arm.js';
import type { ConditionValues } from '../cost.js';

/** What every policy is given. */
export interface PolicyInput {
  readonly arms: readonly Arm[];
  readonly at: ConditionValues;
  /** Predicted latency of each arm by the whole formula, corrections included. */
  readonly totalsMs: ArrayLike<number>;
  /** Indexes of the arms that may be chosen: the policy considers them, and they can run. Ascending. */
  readonly allowed: readonly number[];
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

/** Index of the lowest score among the allowed arms, the first of equals; -1 when there is none. */
export function argMin(input: PolicyInput, score: (arm: Arm) => number): number {
  let best = -1;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const index of input.allowed) {
    const arm = input.arms[index];
    const value = arm === undefined ? Number.POSITIVE_INFINITY : score(arm);
    if (value < bestScore) {
      best = index;
      bestScore = value;
    }
  }
  return best;
}

/** The allowed arm of the lowest predicted latency, the first of equals; -1 when there is none. */
export function fastest({ totalsMs, allowed }: Pick<PolicyInput, 'totalsMs' | 'allowed'>): number {
  let best = -1;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const index of allowed) {
    const totalMs = totalsMs[index] ?? Number.POSITIVE_INFINITY;
    if (totalMs < bestMs) {
      best = index;
      bestMs = totalMs;
    }
  }
  return best;
}
