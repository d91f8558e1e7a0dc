import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** Graphs of a few nodes, written by hand for tests. */

export const FLOAT = 1;
export const UINT8 = 2;
export const INT64 = 7;
export const BOOL = 9;

export interface TinyTensor {
  readonly name: string;
  readonly type: number;
  /** A name for one that is not fixed. */
  readonly dims: readonly (number | string)[];
}

export interface TinyNode {
  readonly op: string;
  readonly in: readonly string[];
  readonly out: string;
  readonly ints?: Readonly<Record<string, number>>;
  /** Of a loop. */
  readonly body?: TinyGraph;
}

export interface TinyGraph {
  readonly inputs: readonly TinyTensor[];
  readonly outputs: readonly TinyTensor[];
  readonly nodes: readonly TinyNode[];
  /** Small shapes, inline. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Weights in a file beside the graph. */
  readonly packed?: readonly (TinyTensor & {
    readonly dims: readonly number[];
    readonly file: string;
    readonly numBytes: number;
  })[];
}

export function tinyOnnx(graph: TinyGraph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 13n })],
    graph: graphProto(graph),
  });
  return toBinary(ModelProtoSchema, model);
}

function graphProto({ inputs, outputs, nodes, shapes = {}, packed = [] }: TinyGraph): GraphProto {
  return create(GraphProtoSchema, {
    name: 'tiny',
    input: inputs.map(valueInfo),
    output: outputs.map(valueInfo),
    node: nodes.map(({ op, in: input, out, ints = {}, body }) =>
      create(NodeProtoSchema, {
        name: out,
        opType: op,
        input: [...input],
        output: [out],
        attribute: [
          ...Object.entries(ints).map(([name, value]) =>
            create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) }),
          ),
          ...(body
            ? [create(AttributeProtoSchema, { name: 'body', type: AttributeType.GRAPH, g: graphProto(body) })]
            : []),
        ],
      }),
    ),
    initializer: [
      ...Object.entries(shapes).map(([name, values]) =>
        create(TensorProtoSchema, {
          name,
          dataType: INT64,
          dims: [BigInt(values.length)],
          int64Data: values.map(BigInt),
        }),
      ),
      ...packed.map(({ name, type, dims, file, numBytes }) =>
        create(TensorProtoSchema, {
          name,
          dataType: type,
          dims: dims.map(BigInt),
          dataLocation: DataLocation.EXTERNAL,
          externalData: Object.entries({ location: file, offset: '0', length: String(numBytes) }).map(([key, value]) =>
            create(StringStringEntryProtoSchema, { key, value }),
          ),
        }),
      ),
    ],
  });
}

function valueInfo({ name, type, dims }: TinyTensor) {
  const shape = create(TensorShapeProtoSchema, {
    dim: dims.map((dim) =>
      create(TensorShapeProto_DimensionSchema, {
        value: typeof dim === 'string' ? { case: 'dimParam', value: dim } : { case: 'dimValue', value: BigInt(dim) },
      }),
    ),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: type, shape }) },
    }),
  });
}
