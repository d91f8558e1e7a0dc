import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { countElements, dataTypeOf, type ElementType } from './element-type.js';
import type { Model } from './model.js';
import { node, rawTensor, valueInfo } from './proto.js';
import { randomTensor, seededRandom } from './random.js';

type Attributes = Parameters<typeof node>[3];

export interface BuildOptions {
  /** Of the graph. */
  readonly name?: string;
  readonly opset?: number;
  readonly irVersion?: number;
  readonly functions?: readonly FunctionProto[];
  /** Other operator sets, all of version 1. */
  readonly domains?: readonly string[];
}

/** Writes a graph from nothing, one call a value. */
export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  #seed = 1;

  input(name: string, type: ElementType, dims: readonly (number | null)[]): this {
    return this.inputAs(valueInfo(name, type, dims));
  }

  inputAs(value: ValueInfoProto): this {
    this.#inputs.push(value);
    return this;
  }

  /** An output of any shape, or of a declared one. */
  output(name: string, type: ElementType = 'float32', dims?: readonly (number | null)[]): this {
    return this.outputAs(valueInfo(name, type, dims));
  }

  outputAs(value: ValueInfoProto): this {
    this.#outputs.push(value);
    return this;
  }

  /** Random weights; small, so that long chains stay finite. */
  weight(name: string, dims: readonly number[], type: ElementType = 'float32'): this {
    const random = seededRandom(this.#seed++);
    const scale = 1 / Math.sqrt(Math.max(1, countElements(dims.slice(1))));
    // `randomTensor` maps 0..1 to -1..1.
    return this.tensor(name, type, dims, randomTensor(type, dims, () => 0.5 + (random() - 0.5) * scale).bytes);
  }

  ints(name: string, values: readonly number[], dims: readonly number[] = [values.length]): this {
    return this.tensor(name, 'int64', dims, new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer));
  }

  floats(name: string, values: readonly number[], dims: readonly number[] = [values.length]): this {
    return this.tensor(name, 'float32', dims, new Uint8Array(new Float32Array(values).buffer));
  }

  tensor(name: string, type: ElementType, dims: readonly number[], bytes: Uint8Array): this {
    return this.initializer(rawTensor(name, dataTypeOf(type), dims, bytes));
  }

  initializer(tensor: TensorProto): this {
    this.#initializers.push(tensor);
    return this;
  }

  node(opType: string, inputs: readonly string[], outputs: readonly string[], attributes?: Attributes): this {
    return this.add(node(opType, inputs, outputs, attributes));
  }

  add(proto: NodeProto): this {
    this.#nodes.push(proto);
    return this;
  }

  /** A node with bodies: `If`, `Loop`, `Scan`. */
  control(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    bodies: Readonly<Record<string, GraphProto>>,
    attributes?: Attributes,
  ): this {
    const proto = node(opType, inputs, outputs, attributes);
    for (const [name, g] of Object.entries(bodies)) {
      proto.attribute.push(create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g }));
    }
    return this.add(proto);
  }

  graph(name = 'main'): GraphProto {
    return create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      input: this.#inputs,
      output: this.#outputs,
      initializer: this.#initializers,
    });
  }

  build({ name, opset = 17, irVersion = 8, functions = [], domains = [] }: BuildOptions = {}): Model {
    return create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) }),
        ...domains.map((domain) => create(OperatorSetIdProtoSchema, { domain, version: 1n })),
      ],
      functions: [...functions],
      graph: this.graph(name),
    });
  }
}
