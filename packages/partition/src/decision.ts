import type { Arm } from './arm.js';
import { attribute } from './attribute.js';
import type { Conditions } from './conditions.js';
import { type ArmCorrection, type ConditionValues, predict, totalOf, valuesOf } from './cost.js';
import { PartitionError } from './errors.js';
import type { Candidate, Cause, Plan, Rejection, Terms } from './plan.js';
import { offload } from './policies/fixed.js';
import { fastest, type PolicyInput } from './policies/policy.js';
import { type PolicyName, policies } from './policies/registry.js';

/**
 * While no head has run here, what is wished for is found as if this device ran heads in half the profiled time. If
 * full offload wins even so there is nothing to find out; otherwise the client prepares the head that promises most,
 * runs it, and d is known.
 */
export const EXPLORE_D = 0.5;
/** So many decisions go to full offload in the hope of a first measurement; then the defaults are believed. */
const UNMEASURED_DECISIONS = 8;
/** Over so many decisions the arm in use gets used to a new latency. */
const USUAL_HALF_LIFE = 6;
const USUAL_KEEP = 0.5 ** (1 / USUAL_HALF_LIFE);

/** What one decision leaves for the next. Opaque to everybody else. */
export interface DecisionMemory {
  readonly chosen: number;
  readonly wish: number;
  readonly forcedCut: number | undefined;
  readonly policy: PolicyName;
  readonly ready: Uint8Array;
  readonly conditions: Conditions;
  /** As conditions were when the arm in use was adopted. */
  readonly adopted: Conditions;
  /** What the arm in use has been predicted to take lately. */
  readonly usualMs: number;
  /** Decisions taken before link and device were measured. */
  readonly unmeasured: number;
}

/** All that a decision depends on: the same input gives the same plan. */
export interface DecisionInput {
  readonly arms: readonly Arm[];
  /** 1 for each arm whose weights are here and whose session is warm. */
  readonly ready: Uint8Array;
  /** Per arm, measured ÷ predicted of real heads and tails. */
  readonly headFactors: Float64Array;
  readonly tailFactors: Float64Array;
  readonly conditions: Conditions;
  readonly policy: PolicyName;
  readonly forcedCut: number | undefined;
  readonly memory: DecisionMemory | undefined;
  readonly nowMs: number;
}

/** Every arm as it stands at the moment of the decision. */
interface Field {
  readonly at: ConditionValues;
  readonly terms: Terms[];
  readonly totalsMs: Float64Array;
  /** 1 where the network allows the arm, and where it could run right now. */
  readonly reachable: Uint8Array;
  readonly runnable: Uint8Array;
}

/** @throws PartitionError `no_runnable_arm` */
export function decide(input: DecisionInput): { readonly plan: Plan; readonly memory: DecisionMemory } {
  const field = survey(input, valuesOf(input.conditions));
  if (!field.runnable.includes(1)) throw PartitionError.noRunnableArm(input.conditions.connected);
  const forced = input.forcedCut === undefined ? -1 : nearest(input.arms, input.forcedCut, field);
  const { chosen, unmeasured } = choose(input, field, forced);
  const wish = forced >= 0 && field.reachable[forced] === 1 ? forced : wishFor(input, field, chosen);
  const candidates = record(input, field, chosen, forced, unmeasured);
  const { memory } = input;
  const stays = memory?.chosen === chosen;
  const chosenMs = field.totalsMs[chosen] ?? 0;
  const best = runnerUp(field, chosen);
  return {
    plan: {
      policy: input.policy,
      decidedAtMs: input.nowMs,
      chosen: at(candidates, chosen),
      ...(best < 0 ? {} : { runnerUp: at(candidates, best) }),
      wish: at(candidates, wish),
      candidates,
      conditions: input.conditions,
      cause: causeOf(input, field, chosen, forced),
    },
    memory: {
      chosen,
      wish,
      forcedCut: input.forcedCut,
      policy: input.policy,
      ready: input.ready.slice(),
      conditions: input.conditions,
      adopted: stays ? memory.adopted : input.conditions,
      usualMs: stays ? memory.usualMs * USUAL_KEEP + chosenMs * (1 - USUAL_KEEP) : chosenMs,
      unmeasured: (memory?.unmeasured ?? 0) + (unmeasured ? 1 : 0),
    },
  };
}

function survey(input: DecisionInput, values: ConditionValues): Field {
  const { arms, conditions } = input;
  const terms: Terms[] = [];
  const totalsMs = new Float64Array(arms.length);
  const reachable = new Uint8Array(arms.length);
  const runnable = new Uint8Array(arms.length);
  for (let index = 0; index < arms.length; index++) {
    const arm = at(arms, index);
    const armTerms = predict(arm, values, correctionOf(input, index));
    terms.push(armTerms);
    totalsMs[index] = totalOf(armTerms);
    reachable[index] = conditions.connected || !arm.usesEdge ? 1 : 0;
    runnable[index] = reachable[index] === 1 && input.ready[index] === 1 ? 1 : 0;
  }
  return { at: values, terms, totalsMs, reachable, runnable };
}

function choose(input: DecisionInput, field: Field, forced: number): { chosen: number; unmeasured: boolean } {
  if (forced >= 0 && field.runnable[forced] === 1) return { chosen: forced, unmeasured: false };
  const { memory, policy } = input;
  const options = (allowed: ArrayLike<number>): PolicyInput => ({
    arms: input.arms,
    at: field.at,
    totalsMs: field.totalsMs,
    allowed,
    current: memory?.chosen ?? -1,
    usualMs: memory?.usualMs ?? 0,
  });
  if (policy !== 'local' && !measured(input.conditions) && (memory?.unmeasured ?? 0) < UNMEASURED_DECISIONS) {
    const chosen = offload.choose(options(considered(input.arms, field.runnable, offload)));
    if (chosen >= 0) return { chosen, unmeasured: true };
  }
  const chosen = policies[policy].choose(options(considered(input.arms, field.runnable, policies[policy])));
  // What the policy would use cannot run: anything that can is better than no answer.
  return { chosen: chosen >= 0 ? chosen : fastest(options(field.runnable)), unmeasured: false };
}

/** The policy's choice among all arms that the network allows, ready or not. */
function wishFor(input: DecisionInput, field: Field, chosen: number): number {
  const { memory, conditions } = input;
  const seen = conditions.d.ageMs === Number.POSITIVE_INFINITY ? survey(input, { ...field.at, d: EXPLORE_D }) : field;
  // A wish that is being prepared is held on to like an arm in use.
  const pending = memory !== undefined && input.ready[memory.wish] === 0 ? memory.wish : chosen;
  const wish = policies[input.policy].choose({
    arms: input.arms,
    at: seen.at,
    totalsMs: seen.totalsMs,
    allowed: considered(input.arms, field.reachable, policies[input.policy]),
    current: pending,
    usualMs: Number.POSITIVE_INFINITY,
  });
  return wish >= 0 ? wish : chosen;
}

function record(
  input: DecisionInput,
  field: Field,
  chosen: number,
  forced: number,
  unmeasured: boolean,
): readonly Candidate[] {
  const { arms, ready, policy } = input;
  const considers = policies[policy].considers;
  const chosenMs = field.totalsMs[chosen] ?? 0;
  const candidates: Candidate[] = [];
  for (let index = 0; index < arms.length; index++) {
    const arm = at(arms, index);
    const terms = at(field.terms, index);
    const totalMs = field.totalsMs[index] ?? 0;
    if (index === chosen) {
      candidates.push({ arm, terms, totalMs });
      continue;
    }
    let rejected: Rejection = 'slower';
    if (field.reachable[index] === 0) rejected = 'disconnected';
    else if (ready[index] === 0) rejected = 'not-ready';
    else if (chosen === forced) rejected = 'not-forced';
    else if (!considers(arm)) rejected = 'outside-policy';
    else if (totalMs < chosenMs && unmeasured) rejected = 'unmeasured';
    else if (totalMs < chosenMs && policy === 'cutpoint') rejected = 'margin';
    candidates.push({ arm, terms, totalMs, rejected });
  }
  return candidates;
}

function causeOf(input: DecisionInput, field: Field, chosen: number, forced: number): Cause {
  const { memory, arms, conditions } = input;
  if (forced >= 0) return chosen === forced ? 'forced' : 'forced-unavailable';
  if (memory === undefined) return 'first';
  if (memory.forcedCut !== undefined) return 'released';
  if (memory.policy !== input.policy) return 'policy';
  if (memory.chosen === chosen) return 'steady';
  if (field.reachable[memory.chosen] === 0) return 'disconnected';
  if (input.ready[memory.chosen] === 0) return 'not-ready';
  if (!memory.conditions.connected && at(arms, chosen).usesEdge) return 'reconnected';
  if (memory.ready[chosen] === 0) return 'ready';
  const change = {
    from: { arm: at(arms, memory.chosen), correction: correctionOf(input, memory.chosen) },
    to: { arm: at(arms, chosen), correction: correctionOf(input, chosen) },
  };
  return (
    attribute(change, memory.adopted, conditions) ?? attribute(change, memory.conditions, conditions) ?? 'corrected'
  );
}

/** The arm of the listed cut nearest to the one asked for: of several codecs the fastest that can run. */
function nearest(arms: readonly Arm[], cut: number, field: Field): number {
  let best = -1;
  const better = (index: number): boolean => {
    const distance = Math.abs(at(arms, index).cut - cut) - Math.abs(at(arms, best).cut - cut);
    if (distance !== 0) return distance < 0;
    const readiness = (field.runnable[index] ?? 0) - (field.runnable[best] ?? 0);
    return readiness !== 0 ? readiness > 0 : (field.totalsMs[index] ?? 0) < (field.totalsMs[best] ?? 0);
  };
  for (let index = 0; index < arms.length; index++) if (best < 0 || better(index)) best = index;
  return best;
}

function runnerUp(field: Field, chosen: number): number {
  let best = -1;
  for (let index = 0; index < field.totalsMs.length; index++) {
    if (index === chosen || field.runnable[index] !== 1) continue;
    if (best < 0 || (field.totalsMs[index] ?? 0) < (field.totalsMs[best] ?? 0)) best = index;
  }
  return best;
}

function considered(arms: readonly Arm[], mask: Uint8Array, policy: { considers(arm: Arm): boolean }): Uint8Array {
  const allowed = new Uint8Array(arms.length);
  for (let index = 0; index < arms.length; index++) {
    allowed[index] = mask[index] === 1 && policy.considers(at(arms, index)) ? 1 : 0;
  }
  return allowed;
}

function correctionOf(input: DecisionInput, index: number): ArmCorrection {
  return { head: input.headFactors[index] ?? 1, tail: input.tailFactors[index] ?? 1 };
}

/** Whether both the link and the device are more than a default. */
function measured(conditions: Conditions): boolean {
  return conditions.uplink.ageMs !== Number.POSITIVE_INFINITY && conditions.d.ageMs !== Number.POSITIVE_INFINITY;
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${list.length}`);
  return item;
}
