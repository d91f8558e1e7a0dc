import type { RuntimeTensor } from '@cutpoint/onnx';
import { describe, expect, it } from 'vitest';
import { answersOf, judgeBy } from './answers.js';

const f32 = (values: readonly number[], dims: readonly number[] = [values.length]): RuntimeTensor => ({
  type: 'float32',
  dims,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const i32 = (values: readonly number[]): RuntimeTensor => ({
  type: 'int32',
  dims: [1, values.length],
  bytes: new Uint8Array(Int32Array.from(values).buffer),
});
const topK = { type: 'top-k', output: 'scores', k: 2, softmax: false } as const;
const ctc = { type: 'ctc-greedy', output: 'steps' } as const;

describe('the answers of a variant', () => {
  it('are the best class of a classifier, from its choices or from its scores', () => {
    const pixels = { input: 'image', outputs: { type: 'top-k', values: 'values', indices: 'indices' } } as const;
    const chosen = answersOf({ pixels }, topK);
    expect([chosen?.output, chosen && [...Array.from(chosen.read(i32([7, 3])))]]).toEqual(['indices', [7]]);
    const scored = answersOf({}, topK);
    expect([scored?.output, scored?.read(f32([0.1, 0.6, 0.3], [1, 3, 1, 1]))]).toEqual(['scores', [1]]);
  });

  it('are one a time step of a text recogniser', () => {
    const pixels = { input: 'image', outputs: { type: 'ctc-greedy', values: 'values', indices: 'indices' } } as const;
    expect(Array.from(answersOf({ pixels }, ctc)?.read(i32([0, 5, 5])) ?? [])).toEqual([0, 5, 5]);
    expect(answersOf({}, ctc)?.read(f32([0, 1, 0, 9, 2, 3], [1, 2, 3]))).toEqual([1, 0]);
  });

  it('are none of a map, and none where nothing says what outputs mean', () => {
    expect(answersOf({}, undefined)).toBeUndefined();
    expect(answersOf({}, { type: 'text-map', output: 'map', stride: 2 })).toBeUndefined();
  });
});

describe('the error of one input', () => {
  it('is the share of its answers that change', () => {
    const judge = judgeBy(answersOf({}, ctc), [{ steps: f32([1, 0, 0, 1, 1, 0, 0, 1], [1, 4, 2]) }]);
    expect(judge.metric).toBe('top-1');
    expect(judge.errorOf(0, { steps: f32([1, 0, 0, 1, 1, 0, 1, 0], [1, 4, 2]) })).toBe(0.25);
    expect(judge.errorOf(0, {}), 'an output that did not come').toBe(1);
  });

  it('is otherwise the root mean square over the range of the output on all inputs, of the worst output', () => {
    const judge = judgeBy(undefined, [
      { y: f32([0, 1]), z: f32([5, 5]) },
      { y: f32([4, 2]), z: f32([5, 5]) },
    ]);
    expect(judge.metric).toBe('relative-error');
    expect(judge.errorOf(0, { y: f32([0, 1.4]), z: f32([5, 5]) })).toBeCloseTo(Math.sqrt(0.16 / 2) / 4, 6);
    // A constant output is measured by its size.
    expect(judge.errorOf(0, { y: f32([0, 1]), z: f32([6, 6]) })).toBeCloseTo(1 / 5, 6);
    expect(judge.errorOf(0, { y: f32([0, 1]), z: f32([5, 5]) })).toBe(0);
  });

  it('is 1 at most, and 1 where something is not a number that was one', () => {
    const judge = judgeBy(undefined, [{ y: f32([0, 1, Number.NaN]) }]);
    expect(judge.errorOf(0, { y: f32([900, 1, Number.NaN]) })).toBe(1);
    expect(judge.errorOf(0, { y: f32([Number.NaN, 1, Number.NaN]) })).toBe(1);
    expect(judge.errorOf(0, { y: f32([0, 1, Number.NaN]) })).toBe(0);
  });
});
