import type { Analysis } from './analyse.js';
import type { Model } from './model.js';
import { tensorFlow } from './tensor-flow.js';

/** What onnxruntime's CPU provider computes within the operator before, at the higher optimisation levels. */
const ACTIVATIONS = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid']);
const FUSING = new Set(['Conv', 'Gemm']);

/**
 * A head with the activations of its own layers, where it ended between the two. That sends as much and costs a head nothing, for an
 * activation is computed within its layer; the tail is spared it. What crosses loses less, too: without the negative
 * part of their range 8 bits are finer.
 *
 * @param head nodes by index, closed under predecessors
 */
export function withActivations(head: ReadonlySet<number>, model: Model, analysis: Analysis): ReadonlySet<number> {
  const whole = new Set(head);
  const { nodes } = analysis;
  for (const { name, producer, readers, isOutput } of tensorFlow(model, analysis)) {
    const [reader] = readers;
    if (producer === null || !head.has(producer) || reader === undefined || readers.length !== 1 || isOutput) continue;
    if (!FUSING.has(nodes[producer]?.opType ?? '') || !ACTIVATIONS.has(nodes[reader]?.opType ?? '')) continue;
    // A bound that another node computes may not be there yet.
    if (inputsOf(model, reader).every((input) => input === name || isWeight(model, input))) whole.add(reader);
  }
  return whole;
}

function inputsOf({ graph }: Model, node: number): readonly string[] {
  return (graph?.node[node]?.input ?? []).filter((input) => input !== '');
}

function isWeight({ graph }: Model, name: string): boolean {
  return graph?.initializer.some((initializer) => initializer.name === name) === true;
}
