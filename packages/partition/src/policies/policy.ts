import type { Arm } from '../arm.js';
import { type ArmFactors, type ConditionValues, predictTotal, UNCORRECTED } from '../cost.js';

/** What every policy is given. */
export interface PolicyInput {
  readonly arms: readonly Arm[];
  /** Per arm, how real runs correct its profile. */
  readonly factors: readonly ArmFactors[];
  readonly at: ConditionValues;
  /** Indexes of the arms that may be chosen: the policy considers them, and they can run. Ascending. */
  readonly allowed: readonly number[];
  /** Index of the arm in use, -1 when there is none. */
  readonly current: number;
  /** Inferences asked for per ms lately; 0 for not known. */
  readonly requestRate: number;
  /** What the policy learnt ({@link Policy.learn}); empty at first. */
  readonly state: readonly number[];
}

/** What one inference turned out to take. */
export interface Outcome {
  readonly totalMs: number;
  readonly headMs: number;
  readonly queueMs: number;
  readonly tailMs: number;
}

/** All functions are pure. */
export interface Policy {
  /** Whether this policy would ever use the arm. */
  considers(arm: Arm, arms: readonly Arm[]): boolean;
  /** Index of the arm to use, -1 when none is allowed. */
  choose(input: PolicyInput): number;
  /** For a policy that learns by trying: its state after the outcome of one arm. */
  learn?(state: readonly number[], arm: Arm, outcome: Outcome, arms: readonly Arm[]): readonly number[];
}

/** Index of the lowest score among the allowed arms, the first of equals; -1 when there is none. */
export function argMin(input: PolicyInput, score: (arm: Arm, index: number) => number): number {
  return lowest(input.allowed, (index) => {
    const arm = input.arms[index];
    return arm === undefined ? Number.POSITIVE_INFINITY : score(arm, index);
  });
}

/** The index of the lowest score, the first of equals; -1 where none has a finite one. */
export function lowest(indexes: readonly number[], score: (index: number) => number): number {
  let best = -1;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const index of indexes) {
    const value = score(index);
    if (value < bestScore) {
      best = index;
      bestScore = value;
    }
  }
  return best;
}

/** The allowed arm of the lowest predicted latency, the first of equals; -1 when there is none. */
export function fastest(input: PolicyInput): number {
  const { at, factors } = input;
  return argMin(input, (arm, index) => predictTotal(arm, at, factors[index] ?? UNCORRECTED));
}
