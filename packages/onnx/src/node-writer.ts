import type { NodeProto, TensorProto } from 'onnx-buf';
import { graphOf } from './graph-index.js';
import type { Model } from './model.js';
import { bodiesOf, floatTensor, int64Tensor, node } from './proto.js';

type Attributes = Parameters<typeof node>[3];

/** Writes nodes and constants under names that the graph does not have yet. */
export class NodeWriter {
  readonly opset: number;
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  readonly #taken: Set<string>;

  constructor(model: Model) {
    const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
    this.opset = Number(opset?.version ?? 0n);
    this.#taken = namesIn(graphOf(model));
  }

  /** The name itself, or with a number behind it when it is taken. */
  fresh(name: string): string {
    let candidate = name;
    for (let i = 2; this.#taken.has(candidate); i++) candidate = `${name}_${i}`;
    this.#taken.add(candidate);
    return candidate;
  }

  /** Adds a node of one output and returns that output's name. */
  add(opType: string, inputs: readonly string[], attributes?: Attributes): string {
    const output = this.fresh(`cutpoint_${opType.toLowerCase()}`);
    this.addNamed(opType, inputs, [output], attributes);
    return output;
  }

  addNamed(opType: string, inputs: readonly string[], outputs: readonly string[], attributes?: Attributes): void {
    this.nodes.push(node(opType, inputs, outputs, attributes));
  }

  floats(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
    return this.#constant(floatTensor(this.fresh(`cutpoint_${name}`), dims, values));
  }

  ints(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
    return this.#constant(int64Tensor(this.fresh(`cutpoint_${name}`), dims, values));
  }

  #constant(tensor: TensorProto): TensorProto {
    this.constants.push(tensor);
    return tensor;
  }
}

/** Every name of a graph and its bodies: a name inside a body must not hide one outside. */
export function namesIn(graph: ReturnType<typeof graphOf>): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...graph.input, ...graph.output, ...graph.initializer]) names.add(name);
  for (const node of graph.node) {
    for (const name of [...node.input, ...node.output]) names.add(name);
    for (const body of bodiesOf(node)) for (const name of namesIn(body)) names.add(name);
  }
  return names;
}
