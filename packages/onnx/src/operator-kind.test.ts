import { expect, test } from 'vitest';
import { graphOf } from './graph-index.js';
import { benchmarkNetworks } from './networks/benchmark-networks.js';
import { operatorKinds } from './operator-kind.js';

/** How many nodes of each kind. */
function kindsOf(name: keyof typeof benchmarkNetworks): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of operatorKinds(benchmarkNetworks[name].build({ fill: false }))) {
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

test('convolutions are told apart by how they are computed', () => {
  // Every other convolution of SqueezeNet is a squeeze or a 1 x 1 expansion; Xception is made of separable ones.
  expect(kindsOf('squeezenet')).toMatchObject({ Conv: 9, 'Conv 1x1': 17 });
  expect(kindsOf('xception')['Conv depthwise']).toBe(34);
});

test('activations after a product are of their own kind, those after a pooling or a concatenation are not', () => {
  expect(kindsOf('alexnet')).toMatchObject({ 'Relu after Conv': 5, 'Relu after Gemm': 2 });
  expect(kindsOf('squeezenet')).toMatchObject({ 'Relu after Conv': 26 });
  expect(kindsOf('alexnet').Relu).toBeUndefined();
});

test('there is one kind for each node', () => {
  const model = benchmarkNetworks.resnet18.build({ fill: false });
  expect(operatorKinds(model).length).toBe(graphOf(model).node.length);
});
