import { predict } from './cost.js';
import type { DecisionInput, Verdict } from './decision.js';
import { at, type Field, isReachable } from './field.js';
import type { Candidate, Cause, Plan, Rejection } from './plan.js';
import { policies } from './policies/registry.js';

/**
 * The plan of a verdict. The record of every arm is written when it is first read: a decision is made for every
 * inference, its record is looked at a few times a second. It is made of what the decision was made of, so it does not
 * matter when; spreading, cloning or serialising a plan reads it.
 */
export function writePlan(input: DecisionInput, field: Field, verdict: Verdict, cause: Cause): Plan {
  const write = (index: number) => candidateOf(input, field, verdict, index);
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

function candidateOf(input: DecisionInput, field: Field, verdict: Verdict, index: number): Candidate {
  const arm = at(input.arms, index);
  const terms = predict(arm, field.at, input.headFactors[index], input.tailFactors[index]);
  const totalMs = field.totalsMs[index] ?? 0;
  if (index === verdict.chosen) return { arm, terms, totalMs };
  return { arm, terms, totalMs, rejected: rejectionOf(input, field, verdict, index) };
}

function rejectionOf(input: DecisionInput, field: Field, verdict: Verdict, index: number): Rejection {
  const arm = at(input.arms, index);
  const isFaster = (field.totalsMs[index] ?? 0) < (field.totalsMs[verdict.chosen] ?? 0);
  if (!isReachable(arm, input.conditions)) return input.edgeFailed ? 'edge-failed' : 'disconnected';
  if (input.ready[index] !== 1) return 'not-ready';
  if (verdict.isForced) return 'not-forced';
  if (!policies[input.policy].considers(arm)) return 'outside-policy';
  if (isFaster && verdict.unmeasured) return 'unmeasured';
  return isFaster && input.policy === 'cutpoint' ? 'margin' : 'slower';
}
