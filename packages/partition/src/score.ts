import { cautious, DEADLINE_RISK } from './caution.js';
import { type ConditionValues, predict, predictTotal, UNCORRECTED } from './cost.js';
import { at, type DecisionInput } from './decision.js';
import type { Options } from './options.js';
import { lowest } from './policies/policy.js';
import type { FewArms } from './pruner.js';

/** What the decision minimises, of one arm by its index, in ms. */
export type Score = (index: number) => number;

/** Share of the latency that counts beside the slowest stage: of two arms with the same one, the faster. */
const LATENCY_SHARE = 0.01;

/** The objective at the cautious conditions. Not kept: every arm is asked for about once a decision. */
export function scoreOf(input: DecisionInput): Score {
  const values = cautious(input.conditions, input.policy === 'cutpoint' ? input.risk : 0);
  const work = input.objective === 'throughput' ? slowestStageOf : totalOf;
  return (index) => work(input, values, index);
}

/** The arm of the lowest score among those that fit the moment: the uplink's allowance and the deadline. */
export function chooseByScore(input: DecisionInput, options: Options, score: Score, few: FewArms | undefined): number {
  const { uplinkAllowance, deadlineMs } = input;
  const { considered } = options;
  if (uplinkAllowance === Number.POSITIVE_INFINITY && deadlineMs === undefined) {
    return chooseByLatency(input, options, score, few);
  }
  const affordable = considered.filter((index) => bytesOf(input, index) <= uplinkAllowance);
  const allowed = affordable.length > 0 ? affordable : [lowest(considered, (index) => bytesOf(input, index))];
  if (deadlineMs === undefined) return lowest(allowed, score);
  const worst = cautious(input.conditions, DEADLINE_RISK);
  const punctual = allowed.filter((index) => totalOf(input, worst, index) <= deadlineMs);
  return punctual.length > 0 ? lowest(punctual, score) : lowest(allowed, (index) => totalOf(input, worst, index));
}

/** Whether an arm keeps to what the moment allows: the uplink's allowance and, very likely, the deadline. */
export function fitsMoment(input: DecisionInput, index: number): boolean {
  const { deadlineMs } = input;
  if (bytesOf(input, index) > input.uplinkAllowance) return false;
  return deadlineMs === undefined || totalOf(input, cautious(input.conditions, DEADLINE_RISK), index) <= deadlineMs;
}

export function bytesOf(input: DecisionInput, index: number): number {
  return at(input.arms, index).bytesUp * (input.factors[index] ?? UNCORRECTED).bytes;
}

/** Where latency alone counts and everything is ready, few arms are looked at first, and mostly suffice. */
function chooseByLatency(
  input: DecisionInput,
  { considered }: Options,
  score: Score,
  few: FewArms | undefined,
): number {
  const { arms, conditions, risk, objective } = input;
  const isSum = conditions.ahead === undefined && considered.length === arms.length && objective === 'latency';
  if (!isSum || !few?.active) return lowest(considered, score);
  const best = lowest(few.active, score);
  return few.suffices(cautious(conditions, risk), score(best)) ? best : lowest(considered, score);
}

function totalOf(input: DecisionInput, values: ConditionValues, index: number): number {
  return predictTotal(at(input.arms, index), values, input.factors[index] ?? UNCORRECTED);
}

/** Stages of successive inferences overlap: device, link, edge. */
function slowestStageOf(input: DecisionInput, values: ConditionValues, index: number): number {
  const terms = predict(at(input.arms, index), values, input.factors[index] ?? UNCORRECTED);
  const stages = [terms.headMs + terms.encodeMs, terms.uploadMs, terms.tailMs + terms.decodeMs, terms.downloadMs];
  return Math.max(...stages) + LATENCY_SHARE * totalOf(input, values, index);
}
