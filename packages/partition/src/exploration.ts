import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';
import { type ArmFactors, predictTotal, UNCORRECTED, valuesOf } from './cost.js';

/** How far a profile may be off for one arm on one device, as a share; each real run makes it surer. */
const PROFILE_DEVIATION = 0.15;
/** After so many runs an arm has told what it had to tell. */
const ENOUGH_RUNS = 3;
/** Between two looks for something to try, so that what one trial taught is used before the next. */
const EVERY_MS = 2_000;
/** Of a stated budget no more than this many ms is saved up. */
const MAX_CREDIT_MS = 500;
/** No trial for a hope of less than this share of the latency. */
const LEAST_HOPE = 0.03;

/** What may be spent on trying arms, and when it was last looked for one. */
export interface Exploration {
  /** Below 0 when a trial took longer than was thought possible: nothing is tried until that is made good. */
  readonly creditMs: number;
  readonly lookedAtMs?: number | undefined;
  /** A trial whose outcome is not known yet. */
  readonly trial?: Trial | undefined;
}

interface Trial {
  readonly arm: number;
  /** Taken from the credit when it began. */
  readonly reservedMs: number;
  /** What the arm in use was predicted to take instead. */
  readonly insteadMs: number;
}

export interface ExplorationQuestion {
  readonly arms: readonly Arm[];
  readonly factors: readonly ArmFactors[];
  readonly allowed: readonly number[];
  readonly conditions: Conditions;
  readonly best: number;
  readonly bestMs: number;
  /** Share of the latency that may be spent. */
  readonly budget: number;
  readonly nowMs: number;
}

/**
 * An arm that never ran here may be faster than its profile says. The one that promises most, if its profile is as
 * wrong in its favour as may well be, is tried for one inference when the credit pays for its being as wrong the other
 * way. {@link settleTrial} then charges what it did cost, so that trials in all cost `budget` of the latency of all inferences,
 * and one trial more at the most.
 */
export function explore(question: ExplorationQuestion, memory: Exploration): { tries: number; next: Exploration } {
  const { arms, factors, allowed, conditions, best, bestMs, budget, nowMs } = question;
  const creditMs = Math.min(MAX_CREDIT_MS, memory.creditMs + budget * bestMs);
  if (!(budget > 0) || nowMs - (memory.lookedAtMs ?? Number.NEGATIVE_INFINITY) < EVERY_MS) {
    return { tries: -1, next: { ...memory, creditMs } };
  }
  const at = valuesOf(conditions);
  let tries = -1;
  let mostHopeMs = LEAST_HOPE * bestMs;
  let priceMs = 0;
  for (const index of allowed) {
    const arm = arms[index];
    const known = factors[index] ?? UNCORRECTED;
    if (arm === undefined || index === best || known.runs >= ENOUGH_RUNS) continue;
    const totalMs = predictTotal(arm, at, known);
    const computeMs = at.d * arm.headMs * known.head + (arm.usesEdge ? at.k * arm.tailMs * known.tail : 0);
    const deviationMs = (PROFILE_DEVIATION * computeMs) / Math.sqrt(1 + known.runs);
    const hopeMs = bestMs - (totalMs - deviationMs);
    const worstMs = totalMs + deviationMs - bestMs;
    if (hopeMs <= mostHopeMs || worstMs > creditMs) continue;
    tries = index;
    mostHopeMs = hopeMs;
    priceMs = Math.max(0, worstMs);
  }
  const trial = tries < 0 ? memory.trial : { arm: tries, reservedMs: priceMs, insteadMs: bestMs };
  return { tries, next: { creditMs: creditMs - priceMs, lookedAtMs: nowMs, trial } };
}

/** Charges what the trial of this arm cost beyond the arm in use, instead of what was put by for it. */
export function settleTrial(exploration: Exploration, arm: number, tookMs: number): Exploration {
  const { trial, creditMs } = exploration;
  if (trial?.arm !== arm) return exploration;
  const costMs = Math.max(0, tookMs - trial.insteadMs);
  return { ...exploration, creditMs: Math.min(MAX_CREDIT_MS, creditMs + trial.reservedMs - costMs), trial: undefined };
}
