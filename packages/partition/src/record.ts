import { permits } from './constraints.js';
import { type ConditionValues, predict, totalOf, UNCORRECTED, valuesOf } from './cost.js';
import { at, type DecisionInput, type Verdict } from './decision.js';
import type { Options } from './options.js';
import type { Candidate, Cause, Plan, Rejection } from './plan.js';
import { policies } from './policies/registry.js';
import { READY } from './readiness.js';
import { bytesOf } from './score.js';

/**
 * The plan of a verdict. Runner-up and the record of every arm are written when they are first read: a decision is made for every
 * inference, its record is looked at a few times a second. It is made of what the decision was made of, so it does not
 * matter when; spreading, cloning or serialising a plan reads it.
 */
export function writePlan(input: DecisionInput, options: Options, verdict: Verdict, cause: Cause): Plan {
  const values = valuesOf(input.conditions);
  const written = new Map<number, Candidate>();
  const write = (index: number): Candidate => {
    const candidate = written.get(index) ?? candidateOf(input, values, verdict, index);
    written.set(index, candidate);
    return candidate;
  };
  let candidates: readonly Candidate[] | undefined;
  return {
    policy: input.policy,
    decidedAtMs: input.nowMs,
    chosen: write(verdict.chosen),
    get runnerUp() {
      const others = options.runnable.filter((index) => index !== verdict.chosen).map(write);
      return others.toSorted((a, b) => a.totalMs - b.totalMs)[0];
    },
    wish: write(verdict.wish),
    get candidates() {
      candidates ??= Object.freeze(input.arms.map((_arm, index) => write(index)));
      return candidates;
    },
    conditions: input.conditions,
    cause,
  };
}

function candidateOf(input: DecisionInput, values: ConditionValues, verdict: Verdict, index: number): Candidate {
  const arm = at(input.arms, index);
  const terms = predict(arm, values, input.factors[index] ?? UNCORRECTED);
  const totalMs = totalOf(terms);
  if (index === verdict.chosen) return { arm, terms, totalMs };
  return { arm, terms, totalMs, rejected: rejectionOf(input, values, verdict, index, totalMs) };
}

function rejectionOf(
  input: DecisionInput,
  values: ConditionValues,
  verdict: Verdict,
  index: number,
  totalMs: number,
): Rejection {
  const { arms, conditions, constraints, policy } = input;
  const arm = at(arms, index);
  if (!permits(constraints, arm)) return 'constraint';
  if (!conditions.connected && arm.usesEdge) return input.edgeFailed ? 'edge-failed' : 'disconnected';
  if (input.ready[index] !== READY) return 'not-ready';
  if (verdict.reason === 'forced') return 'not-forced';
  if (!policies[policy].considers(arm, arms)) return 'outside-policy';
  const chosenMs = totalOf(predict(at(arms, verdict.chosen), values, input.factors[verdict.chosen] ?? UNCORRECTED));
  if (totalMs >= chosenMs) return 'slower';
  if (verdict.reason === 'unmeasured') return 'unmeasured';
  if (verdict.reason === 'trial') return 'exploring';
  if (bytesOf(input, index) > input.uplinkAllowance) return 'uplink-budget';
  if (policy !== 'cutpoint' || input.objective === 'throughput') return 'slower';
  return input.deadlineMs === undefined ? 'margin' : 'deadline';
}
