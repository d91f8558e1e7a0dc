import { cautious, DEADLINE_RISK } from './caution.js';
import { type ConditionValues, predict, predictTotal, UNCORRECTED } from './cost.js';
import { at, type DecisionInput } from './decision.js';
import type { Options } from './options.js';
import { frontierSuffices } from './pruning.js';

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
export function chooseByScore(input: DecisionInput, options: Options, score: Score): number {
  const { uplinkAllowance, deadlineMs } = input;
  const { considered } = options;
  if (uplinkAllowance === Number.POSITIVE_INFINITY && deadlineMs === undefined) {
    return chooseByLatency(input, options, score);
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

/** Where latency alone counts and everything is ready, the frontier is looked at first, and mostly suffices. */
function chooseByLatency(input: DecisionInput, { considered }: Options, score: Score): number {
  const { frontier, arms, factors, conditions, risk } = input;
  if (frontier === undefined || considered.length < arms.length || input.objective !== 'latency') {
    return lowest(considered, score);
  }
  const best = lowest(frontier, score);
  const suffices = frontierSuffices(frontier, arms, factors, cautious(conditions, risk), score(best));
  return suffices ? best : lowest(considered, score);
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

function lowest(indexes: readonly number[], score: Score): number {
  let best = -1;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const index of indexes) {
    const value = score(index);
    if (value < bestMs) {
      best = index;
      bestMs = value;
    }
  }
  return best;
}
