import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto, TensorProtoSchema } from 'onnx-buf';
import { OnnxError } from './errors.js';
import { graphOf, readsOf } from './graph-index.js';
import type { Model } from './model.js';
import { asProtoBytes, bodiesOf, floatTensor, int64Tensor, isStandard, withFields } from './proto.js';

/** From here on initialisers need not be inputs, and those that are not are constants. */
const IR_VERSION_WITH_CONSTANTS = 4n;

/**
 * The graph in the one form that splitting works on: `Constant` nodes are initialisers (both sides can have them),
 * initialisers are no inputs (they cannot be overridden any more), nodes are in topological order, and what has no effect
 * on the outputs is gone, with the shapes that an exporter or an earlier optimisation left behind.
 */
export function cleanModel(model: Model): Model {
  const graph = graphOf(model);
  const nodes: NodeProto[] = [];
  const lifted: TensorProto[] = [];
  for (const node of graph.node) {
    const tensor = constantOf(node);
    if (tensor) lifted.push(tensor);
    else nodes.push(node);
  }
  const constants = new Set([...graph.initializer, ...lifted].map(({ name }) => name));
  const node = inTopologicalOrder(nodes);
  const needed = namesNeeded(node, graph.output);
  const hasEffect = ({ output }: NodeProto): boolean => output.some((name) => needed.has(name));
  return withFields(model, {
    irVersion: model.irVersion < IR_VERSION_WITH_CONSTANTS ? IR_VERSION_WITH_CONSTANTS : model.irVersion,
    graph: withFields(graph, {
      node: node.filter(hasEffect),
      initializer: [...graph.initializer, ...lifted].filter(({ name }) => needed.has(name)),
      input: graph.input.filter(({ name }) => !constants.has(name)),
      valueInfo: [],
    }),
  });
}

/** What the outputs need, directly or not. */
function namesNeeded(ordered: readonly NodeProto[], outputs: readonly { readonly name: string }[]): Set<string> {
  const needed = new Set(outputs.map(({ name }) => name));
  for (const node of ordered.toReversed()) {
    if (node.output.some((name) => needed.has(name))) for (const name of readsOf(node)) needed.add(name);
  }
  return needed;
}

/** The value of a `Constant` node; `undefined` for other nodes and for sparse constants. */
function constantOf(node: NodeProto): TensorProto | undefined {
  const [name] = node.output;
  const [attribute] = node.attribute;
  if (node.opType !== 'Constant' || !isStandard(node) || !name || !attribute) return undefined;
  switch (attribute.name) {
    case 'value':
      return attribute.t && withFields(attribute.t, { name });
    case 'value_float':
      return floatTensor(name, [], [attribute.f]);
    case 'value_floats':
      return floatTensor(name, [attribute.floats.length], attribute.floats);
    case 'value_int':
      return int64Tensor(name, [], [Number(attribute.i)]);
    case 'value_ints':
      return int64Tensor(name, [attribute.ints.length], attribute.ints.map(Number));
    case 'value_string':
      return stringTensor(name, [], [attribute.s]);
    case 'value_strings':
      return stringTensor(name, [attribute.strings.length], attribute.strings);
    default:
      return undefined;
  }
}

function stringTensor(name: string, dims: readonly number[], values: readonly Uint8Array[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: DataType.STRING,
    dims: dims.map(BigInt),
    stringData: values.map(asProtoBytes),
  });
}

/** Nodes so that each follows what it reads, otherwise in the given order. */
function inTopologicalOrder(nodes: readonly NodeProto[]): NodeProto[] {
  const producer = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of node.output) if (name) producer.set(name, i);
  const ordered: NodeProto[] = [];
  const state = new Map<number, 'open' | 'done'>();
  // An explicit stack: graphs are thousands of nodes deep.
  const stack: { index: number; pending: Iterator<number> }[] = [];
  const enter = (index: number): void => {
    const node = nodes[index];
    if (!node || state.get(index) === 'done') return;
    if (state.get(index) === 'open') {
      throw new OnnxError('invalid_graph', `Node "${node.name}" (${node.opType}) depends on its own output.`);
    }
    state.set(index, 'open');
    const before = [...readsOf(node)].flatMap((name) => producer.get(name) ?? []).sort((a, b) => a - b);
    stack.push({ index, pending: before.values() });
  };
  for (const start of nodes.keys()) {
    enter(start);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.pending.next();
      if (!next.done) {
        enter(next.value);
        continue;
      }
      stack.pop();
      state.set(top.index, 'done');
      const node = nodes[top.index];
      if (node) ordered.push(node);
    }
  }
  return ordered;
}

/** Without the operator sets that nothing uses: onnxruntime writes eight, and other builds may not know them all. */
export function withUsedOpsets(model: Model): Model {
  const used = new Set(['']);
  const visit = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      used.add(isStandard(node) ? '' : node.domain);
      for (const body of bodiesOf(node)) visit(body.node);
    }
  };
  visit(graphOf(model).node);
  for (const { node } of model.functions) visit(node);
  return withFields(model, {
    opsetImport: model.opsetImport.filter(({ domain }) => used.has(domain === 'ai.onnx' ? '' : domain)),
  });
}
