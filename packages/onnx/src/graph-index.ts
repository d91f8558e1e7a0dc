import type { GraphProto, NodeProto, TensorProto } from 'onnx-buf';
import { OnnxError } from './errors.js';
import type { Model } from './model.js';
import { bodiesOf } from './proto.js';

/** Names and edges of a graph, made once per model. */
export interface GraphIndex {
  readonly graph: GraphProto;
  readonly nodes: readonly NodeProto[];
  /** What each node reads: its inputs, and the names that its bodies take from outside. No empty names, no repeats. */
  readonly reads: readonly (readonly string[])[];
  /** Index of the node that writes a name. */
  readonly producer: ReadonlyMap<string, number>;
  /** Indexes of the nodes that read a name, ascending. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** Graph inputs that are no initialisers. */
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Names that both sides can have: initialisers, dense and sparse. */
  readonly constants: ReadonlySet<string>;
}

const cache = new WeakMap<GraphProto, GraphIndex>();

export function graphOf(model: Model): GraphProto {
  if (!model.graph) throw new OnnxError('not_onnx', 'The model has no graph.');
  return model.graph;
}

/** @throws OnnxError `invalid_graph` when a name is written twice or read without being written */
export function indexOf(model: Model): GraphIndex {
  const graph = graphOf(model);
  let index = cache.get(graph);
  if (!index) {
    index = build(graph);
    cache.set(graph, index);
  }
  return index;
}

function build(graph: GraphProto): GraphIndex {
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const constants = new Set([
    ...initializers.keys(),
    ...graph.sparseInitializer.flatMap(({ values }) => (values ? [values.name] : [])),
  ]);
  const inputs = new Set(graph.input.map(({ name }) => name).filter((name) => !constants.has(name)));
  const producer = new Map<string, number>();
  for (const [i, node] of graph.node.entries()) {
    for (const name of node.output) {
      if (name === '') continue;
      if (producer.has(name) || inputs.has(name) || constants.has(name)) {
        throw new OnnxError('invalid_graph', `"${name}" is written twice, the second time by node "${node.name}".`);
      }
      producer.set(name, i);
    }
  }
  const reads = graph.node.map((node) => [...readsOf(node)]);
  const readers = new Map<string, number[]>();
  for (const [i, names] of reads.entries()) {
    for (const name of names) {
      if (!producer.has(name) && !inputs.has(name) && !constants.has(name)) {
        throw new OnnxError('invalid_graph', `Node "${graph.node[i]?.name}" reads "${name}", which nothing writes.`);
      }
      const known = readers.get(name);
      if (known) known.push(i);
      else readers.set(name, [i]);
    }
  }
  const outputs = new Set(graph.output.map(({ name }) => name));
  for (const name of outputs) {
    if (!producer.has(name) && !inputs.has(name) && !constants.has(name)) {
      throw new OnnxError('invalid_graph', `Nothing writes the output "${name}".`);
    }
  }
  return { graph, nodes: graph.node, reads, producer, readers, inputs, outputs, initializers, constants };
}

/**
 * Inputs of a node, with the names that its bodies take from the outer scope: a body may read any name that is visible
 * where its node stands (onnx/onnx#4090 is what happens when that is forgotten).
 */
export function readsOf(node: NodeProto): ReadonlySet<string> {
  const names = new Set(node.input);
  for (const body of bodiesOf(node)) {
    for (const name of freeNames(body)) names.add(name);
  }
  names.delete('');
  return names;
}

/** Names that a body reads and does not define. */
function freeNames(body: GraphProto): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { name } of body.input) own.add(name);
  for (const { name } of body.initializer) own.add(name);
  for (const { values } of body.sparseInitializer) if (values) own.add(values.name);
  for (const node of body.node) for (const name of node.output) own.add(name);
  const free = new Set<string>();
  for (const node of body.node) for (const name of readsOf(node)) if (!own.has(name)) free.add(name);
  for (const { name } of body.output) if (!own.has(name)) free.add(name);
  return free;
}
