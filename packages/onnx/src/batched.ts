import type { NodeProto } from 'onnx-buf';
import type { Analysis } from './analyse.js';
import { batchedNode, type Layout } from './batch-rules.js';
import { indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { NodeWriter } from './node-writer.js';
import { bodiesOf, isStandard, valueInfo, withFields } from './proto.js';

/**
 * A tail that takes any number of inputs at once: each of its inputs has them along its first dimension, or along one put before the
 * others where that is not 1 (a picture `[h, w, 3]`); each output has its answers along the first. Weights stay where they are.
 *
 * Only operators are taken of which it is known that the outputs for one input do not depend on the others. That they do not
 * differ from those of single runs is for a run to show.
 *
 * @param tail a part of the model that was analysed, as `extract` gives it
 * @returns `undefined` where a batch is not possible, or not known to be
 */
export function batchedTail(tail: Model, { tensors }: Analysis): Model | undefined {
  const index = indexOf(tail);
  const writer = new NodeWriter(tail);
  const layouts = new Map<string, Layout>();
  const known = (name: string | undefined) => tensors.get(name ?? '');
  const dims = (name: string | undefined) => {
    const initializer = index.initializers.get(name ?? '');
    if (initializer !== undefined) return initializer.dims.map(Number);
    const tensor = known(name);
    return tensor?.dynamic === false ? tensor.dims : undefined;
  };
  for (const name of index.inputs) layouts.set(name, dims(name)?.[0] === 1 ? 'leading' : 'added');

  const nodes: NodeProto[] = [];
  for (const [i, node] of index.nodes.entries()) {
    const own = node.input.map((name) => layouts.get(name));
    if (!index.reads[i]?.some((name) => layouts.has(name))) {
      nodes.push(node);
      continue;
    }
    if (!isStandard(node) || bodiesOf(node).length > 0) return undefined;
    const constant = (name: string | undefined) => index.initializers.get(name ?? '');
    const batched = batchedNode({ node, layouts: own, dims, constant, writer });
    if (batched === undefined) return undefined;
    for (const name of node.output) {
      if (name === '') continue;
      if (dims(name) === undefined || (batched.layout === 'leading' && dims(name)?.[0] !== 1)) return undefined;
      layouts.set(name, batched.layout);
    }
    nodes.push(batched.node ?? node);
  }

  const { graph } = index;
  if (graph.output.some(({ name }) => layouts.get(name) !== 'leading')) return undefined;
  const declare = ({ name }: { readonly name: string }) => {
    const { type, dims: ofOne = [] } = known(name) ?? {};
    return valueInfo(name, type, [null, ...(layouts.get(name) === 'leading' ? ofOne.slice(1) : ofOne)]);
  };
  return withFields(tail, {
    graph: withFields(graph, {
      name: 'batched tail',
      node: nodes,
      initializer: [...graph.initializer, ...writer.constants],
      input: graph.input.map((input) => (index.inputs.has(input.name) ? declare(input) : input)),
      output: graph.output.map(declare),
    }),
  });
}
