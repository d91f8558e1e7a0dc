import type { Arm } from './arm.js';
import { attribute, type SwitchEnd } from './attribute.js';
import type { Conditions } from './conditions.js';
import { predictTotal } from './cost.js';
import { PartitionError } from './errors.js';
import { at, type Field, isReachable, survey, totalsAt } from './field.js';
import type { Cause, Plan } from './plan.js';
import { offload } from './policies/fixed.js';
import { fastest, type Policy, type PolicyInput } from './policies/policy.js';
import { type PolicyName, policies } from './policies/registry.js';
import { writePlan } from './record.js';

/**
 * While no head has run here, what is wished for is found as if this device ran heads in half the profiled time. If
 * full offload wins even so there is nothing to find out; otherwise the client prepares the head that promises most,
 * runs it, and d is known.
 */
const EXPLORE_D = 0.5;
/**
 * A measured head speaks for heads of up to this many times its profiled length. Longer ones are other layers at other
 * sizes: the first tenth of a text recogniser was seen at d = 8, the whole of it at 3.3.
 */
const REACH = 2;
/** So much of its predicted time a head beyond reach is wished for at, so that it is timed if it may be worth it. */
const EXPLORE_FACTOR = 0.5;
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
  readonly ready: readonly number[];
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
  readonly ready: readonly number[];
  /** Per arm, measured ÷ predicted of real heads and tails. */
  readonly headFactors: readonly number[];
  readonly tailFactors: readonly number[];
  /** Profiled ms of the longest head that was measured on this device; 0 when none was. */
  readonly longestHeadMs: number;
  /** `connected: false` also for the one inference that {@link edgeFailed}. */
  readonly conditions: Conditions;
  /** The edge is there, but failed the inference that is decided again. */
  readonly edgeFailed: boolean;
  readonly policy: PolicyName;
  readonly forcedCut: number | undefined;
  readonly memory: DecisionMemory | undefined;
  readonly nowMs: number;
}

/** What was decided, as indexes of arms. */
export interface Verdict {
  readonly chosen: number;
  readonly wish: number;
  /** -1 when nothing else can run. */
  readonly runnerUp: number;
  readonly isForced: boolean;
  /** Chosen for want of any measurement. */
  readonly unmeasured: boolean;
}

/** @throws PartitionError `no_runnable_arm` */
export function decide(input: DecisionInput): { readonly plan: Plan; readonly memory: DecisionMemory } {
  const field = survey(input);
  if (field.runnable.length === 0) throw PartitionError.noRunnableArm(input.conditions.connected);
  const forced = input.forcedCut === undefined ? -1 : nearest(input.arms, input.forcedCut, field);
  const { chosen, unmeasured } = choose(input, field, forced);
  const wish =
    forced >= 0 && isReachable(at(input.arms, forced), input.conditions) ? forced : wishFor(input, field, chosen);
  const verdict = { chosen, wish, runnerUp: runnerUp(field, chosen), isForced: chosen === forced, unmeasured };
  return {
    plan: writePlan(input, field, verdict, causeOf(input, chosen, forced)),
    memory: remember(input, field, verdict),
  };
}

function remember(input: DecisionInput, field: Field, { chosen, wish, unmeasured }: Verdict): DecisionMemory {
  const { memory, conditions } = input;
  const stays = memory?.chosen === chosen;
  const chosenMs = field.totalsMs[chosen] ?? 0;
  return {
    chosen,
    wish,
    forcedCut: input.forcedCut,
    policy: input.policy,
    ready: input.ready,
    conditions,
    adopted: stays ? memory.adopted : conditions,
    usualMs: stays ? memory.usualMs * USUAL_KEEP + chosenMs * (1 - USUAL_KEEP) : chosenMs,
    unmeasured: (memory?.unmeasured ?? 0) + (unmeasured ? 1 : 0),
  };
}

function choose(input: DecisionInput, field: Field, forced: number): { chosen: number; unmeasured: boolean } {
  if (forced >= 0 && field.runnable.includes(forced)) return { chosen: forced, unmeasured: false };
  const { memory, policy } = input;
  const options = (allowed: readonly number[]): PolicyInput => ({
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
  return {
    chosen: chosen >= 0 ? chosen : fastest({ totalsMs: field.totalsMs, allowed: field.runnable }),
    unmeasured: false,
  };
}

/**
 * The policy's choice among all arms that the network allows, ready or not, with hope where little is known: a wish is
 * prepared and timed in the background, and no inference pays for it.
 */
function wishFor(input: DecisionInput, field: Field, chosen: number): number {
  const { memory, conditions } = input;
  const unknownDevice = conditions.d.ageMs === Number.POSITIVE_INFINITY;
  const values = unknownDevice ? { ...field.at, d: EXPLORE_D } : field.at;
  // A wish that is being prepared is held on to like an arm in use.
  const pending = memory !== undefined && input.ready[memory.wish] === 0 ? memory.wish : chosen;
  const wish = policies[input.policy].choose({
    arms: input.arms,
    at: values,
    totalsMs: unknownDevice ? totalsAt(input, values) : hopefulTotals(input, field),
    allowed: considered(input.arms, field.reachable, policies[input.policy]),
    current: pending,
    usualMs: Number.POSITIVE_INFINITY,
  });
  return wish >= 0 ? wish : chosen;
}

/** Predicted latencies, with heads beyond reach of what was measured taken to be faster. */
function hopefulTotals(input: DecisionInput, { at: values, totalsMs }: Field): Float64Array {
  const { arms, headFactors, tailFactors } = input;
  const reachMs = REACH * input.longestHeadMs;
  let hopefulMs = totalsMs;
  for (let index = 0; index < arms.length; index++) {
    const arm = at(arms, index);
    if (arm.headMs <= reachMs) continue;
    if (hopefulMs === totalsMs) hopefulMs = totalsMs.slice();
    hopefulMs[index] = predictTotal(arm, values, (headFactors[index] ?? 1) * EXPLORE_FACTOR, tailFactors[index]);
  }
  return hopefulMs;
}

function causeOf(input: DecisionInput, chosen: number, forced: number): Cause {
  const { memory, arms, conditions } = input;
  if (input.edgeFailed) return 'edge-failed';
  if (forced >= 0) return chosen === forced ? 'forced' : 'forced-unavailable';
  if (memory === undefined) return 'first';
  if (memory.forcedCut !== undefined) return 'released';
  if (memory.policy !== input.policy) return 'policy';
  if (memory.chosen === chosen) return 'steady';
  if (!isReachable(at(arms, memory.chosen), conditions)) return 'disconnected';
  if (input.ready[memory.chosen] === 0) return 'not-ready';
  if (!memory.conditions.connected && at(arms, chosen).usesEdge) return 'reconnected';
  if (memory.ready[chosen] === 0) return 'ready';
  const change = { from: switchEnd(input, memory.chosen), to: switchEnd(input, chosen) };
  return (
    attribute(change, memory.adopted, conditions) ?? attribute(change, memory.conditions, conditions) ?? 'corrected'
  );
}

function switchEnd({ arms, headFactors, tailFactors }: DecisionInput, index: number): SwitchEnd {
  return { arm: at(arms, index), headFactor: headFactors[index] ?? 1, tailFactor: tailFactors[index] ?? 1 };
}

/** The arm of the listed cut nearest to the one asked for: of several codecs the fastest that can run. */
function nearest(arms: readonly Arm[], cut: number, field: Field): number {
  let best = -1;
  const better = (index: number): boolean => {
    const distance = Math.abs(at(arms, index).cut - cut) - Math.abs(at(arms, best).cut - cut);
    if (distance !== 0) return distance < 0;
    const readiness = Number(field.runnable.includes(index)) - Number(field.runnable.includes(best));
    return readiness !== 0 ? readiness > 0 : (field.totalsMs[index] ?? 0) < (field.totalsMs[best] ?? 0);
  };
  for (let index = 0; index < arms.length; index++) if (best < 0 || better(index)) best = index;
  return best;
}

function runnerUp({ totalsMs, runnable }: Field, chosen: number): number {
  return fastest({ totalsMs, allowed: runnable.filter((index) => index !== chosen) });
}

function considered(arms: readonly Arm[], possible: readonly number[], policy: Policy): readonly number[] {
  return possible.filter((index) => policy.considers(at(arms, index)));
}

/** Whether both the link and the device are more than a default. */
function measured(conditions: Conditions): boolean {
  return conditions.uplink.ageMs !== Number.POSITIVE_INFINITY && conditions.d.ageMs !== Number.POSITIVE_INFINITY;
}
