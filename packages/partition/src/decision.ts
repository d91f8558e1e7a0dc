import type { Arm, Codec } from './arm.js';
import { attribute, type SwitchEnd } from './attribute.js';
import type { Conditions } from './conditions.js';
import type { Constraints, Objective } from './constraints.js';
import { type ArmFactors, UNCORRECTED, valuesOf } from './cost.js';
import { PartitionError } from './errors.js';
import { type Exploration, explore } from './exploration.js';
import { type Options, optionsOf } from './options.js';
import type { Cause, Plan } from './plan.js';
import { argMin, lowest, type PolicyInput } from './policies/policy.js';
import { type PolicyName, policies } from './policies/registry.js';
import type { FewArms } from './pruner.js';
import { READY } from './readiness.js';
import { writePlan } from './record.js';
import { chooseByScore, fitsMoment, type Score, scoreOf } from './score.js';
import { type Steadiness, settled, shouldSwitch, stay } from './steadiness.js';
import { wishOf } from './wish.js';

/** So many decisions go to full offload in the hope of a first measurement; then the defaults are believed. */
const UNMEASURED_DECISIONS = 8;

/** What one decision leaves for the next. Opaque to everybody else. */
export interface DecisionMemory {
  readonly steadiness: Steadiness;
  readonly exploration: Exploration;
  /** The arm in use: what was chosen last, unless that was a trial. */
  readonly chosen: number;
  readonly wish: number;
  readonly forcedCut: number | undefined;
  readonly policy: PolicyName;
  readonly ready: readonly number[];
  readonly conditions: Conditions;
  /** As conditions were when the arm in use was adopted. */
  readonly adopted: Conditions;
  /** Decisions taken before link and device were measured. */
  readonly unmeasured: number;
}

/** All that a decision depends on: the same input gives the same plan. */
export interface DecisionInput {
  readonly arms: readonly Arm[];
  /** Per arm `READY`, `UNREADY` or `UNATTAINABLE`. */
  readonly ready: readonly number[];
  /** Per arm, how real runs correct its profile. */
  readonly factors: readonly ArmFactors[];
  /** Profiled ms of the longest head that was measured on this device; 0 when none was. */
  readonly longestHeadMs: number;
  /** `connected: false` also for the one inference that {@link edgeFailed}. */
  readonly conditions: Conditions;
  /** The edge is there, but failed the inference that is decided again. */
  readonly edgeFailed: boolean;
  readonly policy: PolicyName;
  readonly constraints: Constraints;
  readonly objective: Objective;
  /** Bytes that may be sent now under `maxUplinkBytesPerSecond`; `Infinity` without. */
  readonly uplinkAllowance: number;
  /** Share of the latency that may be spent on trying arms. */
  readonly explorationBudget: number;
  /** How far to err on the side of caution, in standard deviations. */
  readonly risk: number;
  /** Clients that see the same load and may act on it. */
  readonly clients: number;
  /** Inferences asked for per ms lately. */
  readonly requestRate: number;
  /** What the policy learnt, for one that learns. */
  readonly policyState: readonly number[];
  /** ms that this inference should take at the most; `undefined` when it may take as long as it takes. */
  readonly deadlineMs: number | undefined;
  readonly forcedCut: number | undefined;
  readonly forcedCodec: Codec | undefined;
  readonly memory: DecisionMemory | undefined;
  /** Where the random numbers of the first decision begin; later ones go on from the memory. */
  readonly seed: number;
  readonly nowMs: number;
}

/** Why an arm was chosen: `trial` for this inference alone, to learn of it; `unmeasured` for want of any measurement. */
export type Reason = 'best' | 'forced' | 'unmeasured' | 'trial';

/** What was decided, as indexes of arms. */
export interface Verdict {
  readonly chosen: number;
  readonly wish: number;
  readonly reason: Reason;
}

interface Choice {
  readonly chosen: number;
  readonly reason: Reason;
  readonly steadiness: Steadiness;
  readonly exploration: Exploration;
}

const NO_CREDIT: Exploration = Object.freeze({ creditMs: 0 });

/** What the steps of one decision share. */
export interface Deciding {
  readonly input: DecisionInput;
  readonly options: Options;
  readonly score: Score;
  readonly few: FewArms | undefined;
}

/**
 * @param few changes the time that it takes, never what is decided
 * @throws PartitionError `no_runnable_arm`
 */
export function decide(input: DecisionInput, few?: FewArms): { readonly plan: Plan; readonly memory: DecisionMemory } {
  const options = optionsOf(input);
  if (options.runnable.length === 0) throw PartitionError.noRunnableArm(input.conditions.connected);
  const deciding: Deciding = { input, options, score: scoreOf(input), few };
  const forced = input.forcedCut === undefined ? -1 : nearest(deciding, input.forcedCut);
  const choice = chooseArm(deciding, forced);
  const wish = forced >= 0 && options.reachable.includes(forced) ? forced : wishOf(deciding, choice.chosen);
  const cause = choice.reason === 'trial' ? 'exploring' : causeOf(input, choice.chosen, forced);
  return {
    plan: writePlan(input, options, { chosen: choice.chosen, wish, reason: choice.reason }, cause),
    memory: remember(input, choice, wish),
  };
}

function remember(input: DecisionInput, choice: Choice, wish: number): DecisionMemory {
  const { memory, conditions } = input;
  const inUse = choice.reason === 'trial' && memory !== undefined ? memory.chosen : choice.chosen;
  return {
    steadiness: choice.steadiness,
    exploration: choice.exploration,
    chosen: inUse,
    wish,
    forcedCut: input.forcedCut,
    policy: input.policy,
    ready: input.ready,
    conditions,
    // Held while nothing was measured, an arm is adopted anew with the first measurements: later ones explain a switch by what moved.
    adopted: memory?.chosen === inUse && measured(memory.adopted) ? memory.adopted : conditions,
    unmeasured: (memory?.unmeasured ?? 0) + (choice.reason === 'unmeasured' ? 1 : 0),
  };
}

function chooseArm(deciding: Deciding, forced: number): Choice {
  const { input, options, score } = deciding;
  const { memory, arms, policy } = input;
  const steadiness = memory?.steadiness ?? settled(input.seed);
  const exploration = memory?.exploration ?? NO_CREDIT;
  if (forced >= 0 && options.runnable.includes(forced)) {
    return { chosen: forced, reason: 'forced', steadiness: settled(steadiness.random), exploration };
  }
  if (policy !== 'local' && !measured(input.conditions) && (memory?.unmeasured ?? 0) < UNMEASURED_DECISIONS) {
    const own = quickestOffload(deciding, options.considered);
    const chosen = own >= 0 ? own : quickestOffload(deciding, options.runnable);
    if (chosen >= 0) return { chosen, reason: 'unmeasured', steadiness, exploration };
  }
  const best = bestOf(deciding);
  // What another policy left is nothing to hold on to.
  const current = memory !== undefined && memory.policy === policy ? memory.chosen : -1;
  if (policy !== 'cutpoint' || !options.considered.includes(current)) {
    return { chosen: best, reason: 'best', steadiness: settled(steadiness.random), exploration };
  }
  if (best !== current && !fitsMoment(input, current)) {
    // No price is asked for what must not go on.
    return { chosen: best, reason: 'best', steadiness: settled(steadiness.random), exploration };
  }
  if (best !== current) {
    const question = {
      current: at(arms, current),
      best: at(arms, best),
      currentMs: score(current),
      bestMs: score(best),
      clients: input.clients,
      nowMs: input.nowMs,
    };
    const { switches, next } = shouldSwitch(question, steadiness);
    return { chosen: switches ? best : current, reason: 'best', steadiness: next, exploration };
  }
  const trial = tryArm(deciding, best, exploration);
  const isTrial = trial.tries >= 0;
  return {
    chosen: isTrial ? trial.tries : best,
    reason: isTrial ? 'trial' : 'best',
    steadiness: stay(steadiness),
    exploration: trial.next,
  };
}

/** The policy's own choice; when what it would use cannot run, the fastest of what can: better than no answer. */
function bestOf({ input, options, score, few }: Deciding): number {
  if (input.policy === 'cutpoint') return chooseByScore(input, options, score, few);
  const policyInput: PolicyInput = {
    arms: input.arms,
    factors: input.factors,
    at: valuesOf(input.conditions),
    allowed: options.considered,
    current: input.memory?.chosen ?? -1,
    requestRate: input.requestRate,
    state: input.policyState,
  };
  const chosen = policies[input.policy].choose(policyInput);
  return chosen >= 0 ? chosen : argMin({ ...policyInput, allowed: options.runnable }, (_arm, index) => score(index));
}

function tryArm({ input, options, score }: Deciding, best: number, before: Exploration) {
  return explore(
    {
      arms: input.arms,
      factors: input.factors,
      allowed: options.considered,
      conditions: input.conditions,
      best,
      bestMs: score(best),
      budget: isFree(input) ? input.explorationBudget : 0,
      nowMs: input.nowMs,
    },
    before,
  );
}

/** Nothing but latency counts: an arm may be tried that is slower, or sends more. */
function isFree({ objective, deadlineMs, uplinkAllowance }: DecisionInput): boolean {
  return objective === 'latency' && deadlineMs === undefined && uplinkAllowance === Number.POSITIVE_INFINITY;
}

function causeOf(input: DecisionInput, chosen: number, forced: number): Cause {
  const { memory, arms, conditions } = input;
  if (input.edgeFailed) return 'edge-failed';
  if (forced >= 0) return chosen === forced ? 'forced' : 'forced-unavailable';
  if (memory === undefined) return 'first';
  if (memory.forcedCut !== undefined) return 'released';
  if (memory.policy !== input.policy) return 'policy';
  if (memory.chosen === chosen) return 'steady';
  if (!conditions.connected && at(arms, memory.chosen).usesEdge) return 'disconnected';
  if (input.ready[memory.chosen] !== READY) return 'not-ready';
  if (!memory.conditions.connected && at(arms, chosen).usesEdge) return 'reconnected';
  if (memory.ready[chosen] !== READY) return 'ready';
  const change = { from: switchEnd(input, memory.chosen), to: switchEnd(input, chosen) };
  return (
    attribute(change, memory.adopted, conditions) ?? attribute(change, memory.conditions, conditions) ?? 'corrected'
  );
}

function switchEnd({ arms, factors }: DecisionInput, index: number): SwitchEnd {
  return { arm: at(arms, index), factors: factors[index] ?? UNCORRECTED };
}

/** The arm of the listed cut nearest to the one asked for: of several codecs the one asked for, or the fastest that can run. */
function nearest({ input, options, score }: Deciding, cut: number): number {
  const { arms, forcedCodec } = input;
  let best = -1;
  const better = (index: number): boolean => {
    const distance = Math.abs(at(arms, index).cut - cut) - Math.abs(at(arms, best).cut - cut);
    if (distance !== 0) return distance < 0;
    const codec = Number(at(arms, index).codec === forcedCodec) - Number(at(arms, best).codec === forcedCodec);
    if (codec !== 0) return codec > 0;
    const readiness = Number(options.runnable.includes(index)) - Number(options.runnable.includes(best));
    return readiness !== 0 ? readiness > 0 : score(index) < score(best);
  };
  for (let index = 0; index < arms.length; index++) if (best < 0 || better(index)) best = index;
  return best;
}

/**
 * Needs no weights here, and teaches the link. Of its codecs the quickest by what is known of the link: that is the default
 * at first, and may be measured by the second inference, long before the device is.
 */
function quickestOffload({ input: { arms }, score }: Deciding, runnable: readonly number[]): number {
  const isWhole = ({ usesEdge, cut }: Arm) => usesEdge && cut === 0;
  return lowest(
    runnable.filter((index) => isWhole(at(arms, index))),
    score,
  );
}

/** Whether both the link and the device are more than a default. */
function measured(conditions: Conditions): boolean {
  return conditions.uplink.ageMs !== Number.POSITIVE_INFINITY && conditions.d.ageMs !== Number.POSITIVE_INFINITY;
}

export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${list.length}`);
  return item;
}
