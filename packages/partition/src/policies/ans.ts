import type { Arm } from '../arm.js';
import { argMin, type Policy, type PolicyInput } from './policy.js';

/**
 * Autodidactic Neurosurgeon (Zhang, Chen, Xu, "Autodidactic Neurosurgeon: Collaborative Deep Inference for Mobile Edge
 * Intelligence via Online Learning", WWW 2021): the head's time is known, what comes after it (upload, queue, tail,
 * reply) is learnt by a linear contextual bandit, µLinUCB: ridge regression of that delay on features of the cut, and the cut of
 * the least lower confidence bound. A local inference teaches nothing, so every so often one is forced to use the edge.
 *
 * The paper's features are operation counts per kind of layer and the size of what crosses. An arm carries the profiled
 * time of its tail in the place of the former. All frames count alike (no key frames). Prefix cuts, raw tensors.
 */
export const ans: Policy = {
  considers: (arm) => arm.isPrefix && arm.codec === 'f32',
  choose: (input) => {
    const model = readState(input.state);
    const inverse = invert(model.gram);
    const weights = multiply(inverse, model.moment);
    const mustTry = model.decisions % FORCED_EVERY === FORCED_EVERY - 1;
    return argMin(input, (arm) => {
      const headMs = input.at.d * arm.headMs;
      if (!arm.usesEdge) return mustTry && hasEdgeArm(input) ? Number.POSITIVE_INFINITY : headMs;
      const features = featuresOf(arm);
      const width = Math.sqrt(Math.max(0, dot(features, multiply(inverse, features))));
      return headMs + dot(weights, features) - EXPLORE_MS * width;
    });
  },
  learn: (state, arm, outcome) => {
    const model = readState(state);
    if (!arm.usesEdge) return writeState({ ...model, decisions: model.decisions + 1 });
    const features = featuresOf(arm);
    const delayMs = outcome.totalMs - outcome.headMs;
    return writeState({
      decisions: model.decisions + 1,
      gram: model.gram.map((row, i) => row.map((value, j) => value + (features[i] ?? 0) * (features[j] ?? 0))),
      moment: model.moment.map((value, i) => value + delayMs * (features[i] ?? 0)),
    });
  },
};

/** Width of the confidence bound, in ms: α of the paper. */
const EXPLORE_MS = 30;
/** Ridge: β of the paper. */
const RIDGE = 0.1;
/** One in so many inferences must use the edge (the paper's T^µ for some hundreds of frames and µ = 1/4). */
const FORCED_EVERY = 5;
const SIZE = 3;

/** 1 (fixed cost and waiting), tail in 10 ms, bytes in 100 KB: of like size, so that one ridge suits them. */
function featuresOf(arm: Arm): readonly number[] {
  return [1, arm.tailMs / 10, arm.bytesUp / 100_000];
}

interface Model {
  readonly decisions: number;
  readonly gram: readonly (readonly number[])[];
  readonly moment: readonly number[];
}

/** State is flat, so that a decision's record is plain numbers: decisions, gram by rows, moment. */
function readState(state: readonly number[]): Model {
  const rows = Array.from({ length: SIZE }, (_, i) =>
    Array.from({ length: SIZE }, (__, j) => state[1 + i * SIZE + j] ?? (i === j ? RIDGE : 0)),
  );
  const moment = Array.from({ length: SIZE }, (_, i) => state[1 + SIZE * SIZE + i] ?? 0);
  return { decisions: state[0] ?? 0, gram: rows, moment };
}

function writeState({ decisions, gram, moment }: Model): readonly number[] {
  return [decisions, ...gram.flat(), ...moment];
}

function hasEdgeArm({ allowed, arms }: PolicyInput): boolean {
  return allowed.some((index) => arms[index]?.usesEdge === true);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
}

function multiply(rows: readonly (readonly number[])[], vector: readonly number[]): readonly number[] {
  return rows.map((row) => dot(row, vector));
}

/** Inverse of a positive definite matrix by Gauss and Jordan; no pivoting is needed. */
function invert(matrix: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (const [i, row] of rows.entries()) {
    const pivot = row[i] ?? 1;
    for (let column = 0; column < row.length; column++) row[column] = (row[column] ?? 0) / pivot;
    for (const [other, target] of rows.entries()) {
      if (other === i) continue;
      const factor = target[i] ?? 0;
      for (let column = 0; column < row.length; column++) {
        target[column] = (target[column] ?? 0) - factor * (row[column] ?? 0);
      }
    }
  }
  return rows.map((row) => row.slice(matrix.length));
}
