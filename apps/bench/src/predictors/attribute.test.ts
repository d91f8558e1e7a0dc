import { expect, test } from 'vitest';
import type { NodeEvent } from '../ort/node-trace.js';
import { attributeTimes } from './attribute.js';
import type { SubjectNode } from './subject.js';

/** conv1 → relu → conv2 → add (with relu) → out, as `basic` optimisation leaves it. */
const nodes: readonly SubjectNode[] = [
  node('conv1', 'Conv', 'a', []),
  node('relu', 'Relu', 'b', [0]),
  node('conv2', 'Conv', 'c', [1]),
  node('add', 'Add', 'd', [2, 1]),
];

function node(name: string, opType: string, output: string, from: readonly number[]): SubjectNode {
  return { name, opType, kind: opType, outputs: [output], from, flops: 0, bytes: 0 };
}

function kernel(index: number, name: string, opType: string, durationMs: number): NodeEvent {
  return { index, name, opType, durationMs, inputs: [], outputs: [] };
}

test('the fastest run of each kernel counts', () => {
  const runs = [3, 1, 2].flatMap((ms) => [kernel(0, 'conv1', 'Conv', ms), kernel(1, 'relu', 'Relu', ms / 2)]);
  expect(attributeTimes(nodes, runs)).toEqual([1, 0.5, 0, 0]);
});

test('a fused kernel counts to the product in it, by whichever name', () => {
  expect(attributeTimes(nodes, [kernel(9, 'conv1', 'FusedConv', 2)])).toEqual([2, 0, 0, 0]);
  expect(attributeTimes(nodes, [kernel(9, 'b_nchwc', 'Conv', 2), kernel(10, 'd_nchwc', 'Conv', 3)])).toEqual([
    2, 0, 3, 0,
  ]);
  const dense = [node('gemm', 'Gemm', 'y', []), node('relu', 'Relu', 'z', [0])];
  expect(attributeTimes(dense, [kernel(3, 'fused gemm', 'FusedGemm', 4)])).toEqual([4, 0]);
});

test('a change of layout counts to the node after it, and no time is lost', () => {
  const events = [
    kernel(0, 'ReorderInput', 'ReorderInput', 0.5),
    kernel(1, 'a_nchwc', 'Conv', 2),
    kernel(2, 'ReorderOutput', 'ReorderOutput', 0.25),
  ];
  expect(attributeTimes(nodes, events)).toEqual([2.75, 0, 0, 0]);
});
