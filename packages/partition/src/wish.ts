import type { Arm } from './arm.js';
import { type ConditionValues, predictTotal, UNCORRECTED, valuesOf } from './cost.js';
import { at, type Deciding, type DecisionInput } from './decision.js';
import { considered } from './options.js';
import { lowest, type PolicyInput } from './policies/policy.js';
import { policies } from './policies/registry.js';
import { UNATTAINABLE, UNREADY } from './readiness.js';
import { SWITCH_MS, SWITCH_SHARE } from './steadiness.js';

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

/**
 * The policy's choice among all arms that the network and the constraints allow, ready or not: a wish is prepared and
 * timed in the background, and no inference pays for it. The best by what was measured comes first; only when nothing
 * is left to prepare for that, hope reaches further. Weights that hope asks for in vain were fetched for nothing, and
 * the head that is prepared first makes most of it needless: it says more of long heads than the short one before.
 */
export function wishOf({ input, options }: Deciding, chosen: number): number {
  const { memory, policy, arms } = input;
  // Nothing is left to prepare.
  if (options.reachable.length === options.runnable.length) return chosen;
  const hopeful = (index: number) => predictedMs(input, index, EXPLORE_FACTOR);
  const attainable = options.reachable.filter((index) => input.ready[index] !== UNATTAINABLE);
  const allowed = considered(arms, attainable, policy);
  const wish = policy === 'cutpoint' ? bestWish(input, allowed) : policies[policy].choose(hopefulInput(input, allowed));
  if (wish < 0) return chosen;
  // A wish that is being prepared is held on to like an arm in use.
  const pending = memory !== undefined && input.ready[memory.wish] === UNREADY ? memory.wish : chosen;
  if (policy !== 'cutpoint' || !allowed.includes(pending)) return wish;
  const pendingMs = hopeful(pending);
  return pendingMs - hopeful(wish) > SWITCH_MS + SWITCH_SHARE * pendingMs ? wish : pending;
}

function bestWish(input: DecisionInput, allowed: readonly number[]): number {
  const best = lowest(allowed, (index) => predictedMs(input, index, 1));
  if (input.ready[best] === UNREADY) return best;
  return lowest(allowed, (index) => predictedMs(input, index, EXPLORE_FACTOR));
}

/** Predicted latency, with heads beyond reach of what was measured taken at `beyondFactor` of their time. */
function predictedMs(input: DecisionInput, index: number, beyondFactor: number): number {
  const arm = at(input.arms, index);
  const values = lastingValues(input);
  const factors = input.factors[index] ?? UNCORRECTED;
  if (isDeviceUnknown(input)) return predictTotal(arm, { ...values, d: EXPLORE_D }, factors);
  return predictTotal(
    arm,
    values,
    isBeyondReach(arm, input.longestHeadMs) ? { ...factors, head: factors.head * beyondFactor } : factors,
  );
}

/** Whether no head that was measured here, the longest of which takes `longestHeadMs` by its profile, speaks for this one. */
export function isBeyondReach({ headMs }: Arm, longestHeadMs: number): boolean {
  return headMs > REACH * longestHeadMs;
}

function hopefulInput(input: DecisionInput, allowed: readonly number[]): PolicyInput {
  const at = lastingValues(input);
  return {
    arms: input.arms,
    factors: input.factors,
    at: isDeviceUnknown(input) ? { ...at, d: EXPLORE_D } : at,
    allowed,
    current: -1,
    requestRate: input.requestRate,
    state: input.policyState,
  };
}

/** What is under way is over when a wish is ready. */
function lastingValues({ conditions }: DecisionInput): ConditionValues {
  return valuesOf({ ...conditions, ahead: undefined });
}

function isDeviceUnknown({ conditions }: DecisionInput): boolean {
  return conditions.d.ageMs === Number.POSITIVE_INFINITY;
}
