import { PartitionError } from '../errors.js';
import { type Accuracy, accuracyOf } from './accuracy.js';
import { groupBy } from './group-by.js';
import { fitPredictors, type NodeSample, type NodeWork, predictMs, predictTotalMs } from './predictor.js';

/** Over samples of one kind that were predicted without the networks that they are from. */
export interface CrossValidation {
  readonly kinds: Readonly<Record<string, Accuracy>>;
  readonly all: Accuracy;
}

/** A number of folds, or one fold for each network. */
export type Folds = number | 'leave-one-group-out';

/** Nodes that ran one after the other as one graph, timed as a whole. */
export interface TimedHead {
  /** The network. */
  readonly group: string;
  readonly nodes: readonly NodeWork[];
  readonly ms: number;
}

export interface HeadErrors {
  /** By network, each predicted from the samples of all others. */
  readonly groups: Readonly<Record<string, Accuracy>>;
  readonly all: Accuracy;
}

interface Pair {
  readonly measuredMs: number;
  readonly predictedMs: number;
}

/**
 * Fits without one fold and predicts that fold, for every fold.
 *
 * @throws PartitionError `too_few_groups`
 */
export function crossValidate(samples: readonly NodeSample[], folds: Folds): CrossValidation {
  const predicted = foldsOf(samples, folds).flatMap(({ fitted, left }) => {
    const predictors = fitPredictors(fitted);
    return left.map((sample) => ({
      kind: sample.kind,
      measuredMs: sample.ms,
      predictedMs: predictMs(predictors, sample),
    }));
  });
  return { kinds: accuracies(predicted, ({ kind }) => kind), all: accuracyOf(predicted) };
}

/**
 * Predicts heads as the sum of their nodes from the samples of other networks, and compares with the timed heads.
 *
 * @throws PartitionError `too_few_groups`
 */
export function headErrors(samples: readonly NodeSample[], heads: readonly TimedHead[]): HeadErrors {
  const predicted = foldsOf(samples, 'leave-one-group-out').flatMap(({ fitted, groups }) => {
    const predictors = fitPredictors(fitted);
    return heads
      .filter(({ group }) => groups.has(group))
      .map(({ group, nodes, ms }) => ({ group, measuredMs: ms, predictedMs: predictTotalMs(predictors, nodes) }));
  });
  return { groups: accuracies(predicted, ({ group }) => group), all: accuracyOf(predicted) };
}

export interface Fold {
  /** Networks that are left out. */
  readonly groups: ReadonlySet<string>;
  readonly fitted: readonly NodeSample[];
  readonly left: readonly NodeSample[];
}

/**
 * Deals whole networks to folds, in the order of their names: nodes of one network repeat each other, and a fit that
 * has seen some of them would look better than it is.
 *
 * @throws PartitionError `too_few_groups` when there are fewer networks than folds, or fewer than two of either
 */
export function foldsOf(samples: readonly NodeSample[], folds: Folds): readonly Fold[] {
  const names = [...new Set(samples.map(({ group }) => group))].sort();
  const count = folds === 'leave-one-group-out' ? names.length : folds;
  if (!(count >= 2 && count <= names.length)) throw tooFewGroups(names.length, count);
  return Array.from({ length: count }, (_, fold): Fold => {
    const groups = new Set(names.filter((_, index) => index % count === fold));
    return {
      groups,
      fitted: samples.filter(({ group }) => !groups.has(group)),
      left: samples.filter(({ group }) => groups.has(group)),
    };
  });
}

function accuracies<T extends Pair>(pairs: readonly T[], keyOf: (pair: T) => string): Record<string, Accuracy> {
  return Object.fromEntries(groupBy(pairs, keyOf).map(([key, own]) => [key, accuracyOf(own)]));
}

function tooFewGroups(groups: number, folds: number): PartitionError {
  return new PartitionError(
    'too_few_groups',
    `Validation leaves out whole networks: ${folds} folds need at least as many networks, and two; there are ${groups}.`,
  );
}
