import type { Manifest, Task } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { describe, expect, it } from 'vitest';
import { decodeClassification, decodeText } from './decode.js';

function manifestOf(task: Task): Manifest {
  return {
    format: 'cutpoint.manifest.v1',
    model: 'm',
    version: '1',
    description: '',
    task,
    packs: [],
    variants: [],
  };
}

function outputs(values: number[], indices: number[]) {
  return {
    outputs: {
      values: new Tensor('float32', Float32Array.from(values), [1, values.length]),
      indices: new Tensor('int32', Int32Array.from(indices), [1, indices.length]),
    },
  };
}

const text = manifestOf({
  type: 'text-recognition',
  values: 'values',
  indices: 'indices',
  labels: ['', 'a', 'b', 'c', ' '],
});

describe('reading text from classes per step', () => {
  it('collapses repeats, drops blanks, and keeps a letter that a blank divides', () => {
    const result = outputs([0.9, 0.8, 0.7, 0.99, 0.6, 0.5, 0.4], [0, 1, 1, 0, 1, 4, 3]);
    const read = decodeText(result, text);
    expect(read.text).toBe('aa c');
    expect(read.score).toBeCloseTo((0.8 + 0.6 + 0.5 + 0.4) / 4);
  });

  it('reads nothing from blanks', () => {
    expect(decodeText(outputs([1, 1, 1], [0, 0, 0]), text)).toEqual({ text: '', score: 0 });
  });

  it('refuses another kind of model', () => {
    expect(() => decodeText(outputs([1], [1]), manifestOf({ type: 'tensors' }))).toThrow(/"m" is a tensors model/);
  });
});

describe('naming classes', () => {
  const manifest = manifestOf({
    type: 'classification',
    values: 'values',
    indices: 'indices',
    labels: ['cat', 'dog', 'fish'],
  });

  it('gives them in the order of the graph, best first', () => {
    const classes = decodeClassification(outputs([0.75, 0.25], [2, 0]), manifest);
    expect(classes).toEqual([
      { index: 2, label: 'fish', score: 0.75 },
      { index: 0, label: 'cat', score: 0.25 },
    ]);
  });

  it('says which outputs there are when one is missing', () => {
    expect(() => decodeClassification({ outputs: {} }, manifest)).toThrow(/no output "values"/);
  });
});
