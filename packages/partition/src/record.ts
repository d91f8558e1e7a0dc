import { permits } from './constraints.js';
import { type ConditionValues, predict, totalOf, UNCORRECTED, valuesOf } from './cost.js';
import { at, type DecisionInput, type Verdict } from './decision.js';
import type { Candidate, Cause, Plan, Rejection } from './plan.js';
import { policies } from './policies/registry.js';
import { bytesOf } from './score.js';

/**
 * The plan of a verdict. The record of every arm is written when it is first read: a decision is made for every
 * inference, its record is looked at a few times a second. It is made of what the decision was made of, so it does not
 * matter when; spreading, cloning or serialising a plan reads it.
 */
export function writePlan(input: DecisionInput, verdict: Verdict, cause: Cause): Plan {
  const values = valuesOf(input.conditions);
  const write = (index: number) => candidateOf(input, values, verdict, index);
  const chosen = write(verdict.chosen);
  const wish = verdict.wish === verdict.chosen ? chosen : write(verdict.wish);
  const runnerUp =
    verdict.runnerUp === verdict.wish ? wish : verdict.runnerUp < 0 ? undefined : write(verdict.runnerUp);
  let candidates: readonly Candidate[] | undefined;
  const writeAll = () => {
    const all = input.arms.map((_arm, index) => write(index));
    all[verdict.chosen] = chosen;
    all[verdict.wish] = wish;
    if (runnerUp !== undefined) all[verdict.runnerUp] = runnerUp;
    return Object.freeze(all);
  };
  return {
    policy: input.policy,
    decidedAtMs: input.nowMs,
    chosen,
    ...(runnerUp === undefined ? {} : { runnerUp }),
    wish,
    get candidates() {
      candidates ??= writeAll();
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
  if (input.ready[index] !== 1) return 'not-ready';
  if (verdict.isForced) return 'not-forced';
  if (!policies[policy].considers(arm, arms)) return 'outside-policy';
  const chosenMs = totalOf(predict(at(arms, verdict.chosen), values, input.factors[verdict.chosen] ?? UNCORRECTED));
  if (totalMs >= chosenMs) return 'slower';
  if (verdict.unmeasured) return 'unmeasured';
  if (verdict.isTrial) return 'exploring';
  if (bytesOf(input, index) > input.uplinkAllowance) return 'uplink-budget';
  if (policy !== 'cutpoint' || input.objective === 'throughput') return 'slower';
  return constraints.deadlineMs === undefined ? 'margin' : 'deadline';
}
