import {
  type Accuracy,
  accuracyOf,
  type CrossValidation,
  crossValidate,
  fitPredictors,
  type HeadErrors,
  headErrors,
  type NodeSample,
  type Predictors,
  predictTotalMs,
} from '@cutpoint/partition';
import { LEVELS, type Level, type Measured, type MeasuredHead } from './measure.js';

/** What predictors of one device are worth, every network judged by a fit without it. */
export interface Judgement {
  readonly levels: Readonly<Record<Level, LevelJudgement>>;
  /** Heads as the share of work that they hold of the timed whole network, for three measures of work. */
  readonly shares: Readonly<Record<'flops' | Level, Accuracy>>;
}

export interface LevelJudgement {
  readonly predictors: Predictors;
  readonly nodes: CrossValidation;
  readonly heads: HeadErrors;
  /** Sum of a network's own kernel times against its time as a whole: what no fit can mend. */
  readonly kernelSums: Accuracy;
}

export function judge(measured: readonly Measured[], machine: string): Judgement {
  const heads = measured.flatMap((one) => one.heads);
  const samplesAt = (level: Level): NodeSample[] => measured.flatMap(({ samples }) => samples[level]);
  const judged = (level: Level): LevelJudgement => {
    const samples = samplesAt(level);
    return {
      predictors: fitPredictors(samples, machine),
      nodes: crossValidate(samples, 'leave-one-group-out'),
      heads: headErrors(samples, heads),
      kernelSums: accuracyOf(
        measured.map((one) => ({
          measuredMs: wholeMs(one.heads),
          predictedMs: one.samples[level].reduce((sum, { ms }) => sum + ms, 0),
        })),
      ),
    };
  };
  const byPrediction = (level: Level): Accuracy => {
    const samples = samplesAt(level);
    return sharesOf(measured, (group) => {
      const predictors = fitPredictors(samples.filter((sample) => sample.group !== group));
      return ({ nodes }) => predictTotalMs(predictors, nodes);
    });
  };
  const [all, basic] = LEVELS;
  return {
    levels: { all: judged(all), basic: judged(basic) },
    shares: {
      flops: sharesOf(
        measured,
        () =>
          ({ flops }) =>
            flops,
      ),
      all: byPrediction(all),
      basic: byPrediction(basic),
    },
  };
}

/** Every head but the whole network, which is known, as its share of the work. */
function sharesOf(
  measured: readonly Measured[],
  workOfGroup: (group: string) => (head: MeasuredHead) => number,
): Accuracy {
  const pairs = measured.flatMap(({ heads }) => {
    const whole = heads.at(-1);
    if (whole === undefined) return [];
    const workOf = workOfGroup(whole.group);
    return heads.slice(0, -1).map((head) => ({
      measuredMs: head.ms,
      predictedMs: (whole.ms * workOf(head)) / workOf(whole),
    }));
  });
  return accuracyOf(pairs);
}

function wholeMs(heads: readonly MeasuredHead[]): number {
  return heads.at(-1)?.ms ?? 0;
}
