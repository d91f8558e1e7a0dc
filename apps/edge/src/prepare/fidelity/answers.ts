import type { RuntimeTensor, RuntimeTensors } from '@cutpoint/onnx';
import type { Calibration } from '@cutpoint/protocol';
import type { ModelConfig } from '../../models/config.js';
import { floatsOf } from '../../ort/tensors.js';
import type { BuiltVariant } from '../build-variant.js';

/** Where a variant's answers stand, when it gives any. */
export interface AnswerSource {
  readonly output: string;
  /** The classes that were chosen: one of a classifier, one a time step of a text recogniser. */
  read(tensor: RuntimeTensor): ArrayLike<number>;
}

/**
 * How to read the answers of a variant; `undefined` where its outputs are no choice among classes. A pixel variant has its
 * choices as an output, a tensors variant the scores that they are made of.
 */
export function answersOf(
  { pixels }: Pick<BuiltVariant, 'pixels'>,
  post: ModelConfig['post'],
): AnswerSource | undefined {
  if (post === undefined || post.type === 'text-map') return undefined;
  const isClassifier = post.type === 'top-k';
  if (pixels === undefined) {
    const read = (tensor: RuntimeTensor): ArrayLike<number> =>
      bestOfRows(floatsOf(tensor), isClassifier ? undefined : tensor.dims.at(-1));
    return { output: post.output, read };
  }
  if (pixels.outputs.type !== 'top-k' && pixels.outputs.type !== 'ctc-greedy') return undefined;
  const read = (tensor: RuntimeTensor): ArrayLike<number> => {
    const indices = Array.from(floatsOf(tensor));
    return isClassifier ? indices.slice(0, 1) : indices;
  };
  return { output: pixels.outputs.indices, read };
}

/** Positions of the largest value of each row of `length`; all values are one row when it is left out. */
function bestOfRows(values: ArrayLike<number>, length = values.length): readonly number[] {
  const best: number[] = [];
  for (let start = 0; start < values.length; start += length) {
    let at = 0;
    for (let i = 1; i < length; i++) if ((values[start + i] ?? 0) > (values[start + at] ?? 0)) at = i;
    best.push(at);
  }
  return best;
}

/** Says of each calibration input how far outputs are from those of the unsplit network, 0..1. */
export interface Judge {
  readonly metric: Calibration['metric'];
  errorOf(input: number, outputs: RuntimeTensors): number;
}

/** @param references outputs of the unsplit network, by calibration input */
export function judgeBy(source: AnswerSource | undefined, references: readonly RuntimeTensors[]): Judge {
  return source === undefined ? judgeByError(references) : judgeByAnswers(source, references);
}

function judgeByAnswers({ output, read }: AnswerSource, references: readonly RuntimeTensors[]): Judge {
  const answers = (outputs: RuntimeTensors | undefined): ArrayLike<number> => {
    const tensor = outputs?.[output];
    return tensor === undefined ? [] : read(tensor);
  };
  const expected = references.map(answers);
  return {
    metric: 'top-1',
    errorOf(input, outputs) {
      const [wanted, had] = [Array.from(expected[input] ?? []), answers(outputs)];
      const changed = wanted.filter((answer, i) => answer !== had[i]).length;
      return wanted.length === 0 ? 0 : changed / wanted.length;
    },
  };
}

function judgeByError(references: readonly RuntimeTensors[]): Judge {
  const ranges = rangesOf(references);
  return {
    metric: 'relative-error',
    errorOf(input, outputs) {
      let worst = 0;
      for (const [name, reference] of Object.entries(references[input] ?? {})) {
        const error = rootMeanSquare(floatsOf(reference), outputs[name]) / (ranges.get(name) ?? 1);
        // Not a number, too: then something is not finite that was, or the other way round.
        worst = Math.max(worst, error < 1 ? error : 1);
      }
      return worst;
    },
  };
}

function rootMeanSquare(expected: ArrayLike<number>, actual: RuntimeTensor | undefined): number {
  const had = actual === undefined ? [] : floatsOf(actual);
  let sum = 0;
  for (let i = 0; i < expected.length; i++) {
    const [want, have] = [expected[i], had[i]];
    // Infinities and NaN of the unsplit network are right by definition.
    if (want === have || Object.is(want, have)) continue;
    sum += ((want ?? Number.NaN) - (have ?? Number.NaN)) ** 2;
  }
  return Math.sqrt(sum / Math.max(1, expected.length));
}

/** Of the finite values of each output over all inputs; the size of the value where all are the same, and 1 where all are 0. */
function rangesOf(references: readonly RuntimeTensors[]): ReadonlyMap<string, number> {
  const extremes = new Map<string, { low: number; high: number }>();
  for (const [name, tensor] of references.flatMap((outputs) => Object.entries(outputs))) {
    const extreme = extremes.get(name) ?? { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
    extremes.set(name, extreme);
    const values = floatsOf(tensor);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? Number.NaN;
      if (!Number.isFinite(value)) continue;
      extreme.low = Math.min(extreme.low, value);
      extreme.high = Math.max(extreme.high, value);
    }
  }
  return new Map(
    [...extremes].map(([name, { low, high }]) => [name, low > high ? 1 : high - low || Math.abs(high) || 1]),
  );
}
