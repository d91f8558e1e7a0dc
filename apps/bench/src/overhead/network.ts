import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** Bytes that cross at the cut that is measured: f32 [1, 16, 32, 32]. */
export const CROSSING_BYTES = 64 * 1024;
const CROSSING = [1, 16, 32, 32];
const OUTPUT = [1, 32, 32, 1];
const HIDDEN = 256;

/**
 * A network whose first node leaves 64 KB and whose other nodes leave 4 KB and take a few ms on one core: Relu, then two
 * 3 x 3 convolutions and a mean. Weights are arbitrary; run time does not depend on them.
 * @param hidden channels between the convolutions; run time is in proportion to it
 */
export function overheadNetwork(hidden = HIDDEN): Uint8Array {
  const [, channels = 0] = CROSSING;
  const [, answers = 0] = OUTPUT;
  return networkFile({
    name: 'overhead',
    node: [
      node('Relu', ['x'], 'crossing'),
      convolution(['crossing', 'w1'], 'a'),
      node('Relu', ['a'], 'b'),
      convolution(['b', 'w2'], 'c'),
      node('ReduceMean', ['c'], 'y', { axes: [3] }),
    ],
    input: [value('x', CROSSING)],
    output: [value('y', OUTPUT)],
    initializer: [weights('w1', [hidden, channels, 3, 3]), weights('w2', [answers, hidden, 3, 3])],
  });
}

export interface NetworkParts {
  readonly name: string;
  readonly node: NodeProto[];
  readonly input: ValueInfoProto[];
  readonly output: ValueInfoProto[];
  readonly initializer: TensorProto[];
}

export function networkFile(parts: NetworkParts): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'cutpoint-bench',
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
    graph: create(GraphProtoSchema, parts),
  });
  return toBinary(ModelProtoSchema, model);
}

/** @param attributes lists of integers. */
export function node(
  opType: string,
  input: string[],
  output: string,
  attributes: Readonly<Record<string, readonly number[]>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, ints]) =>
    create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: ints.map(BigInt) }),
  );
  return create(NodeProtoSchema, { name: output, opType, input, output: [output], attribute });
}

/** 3 x 3, as large as its input. */
export function convolution(input: string[], output: string): NodeProto {
  return node('Conv', input, output, { pads: [1, 1, 1, 1] });
}

export function value(name: string, dims: readonly number[]): ValueInfoProto {
  const shape = create(TensorShapeProtoSchema, {
    dim: dims.map((dim) =>
      create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(dim) } }),
    ),
  });
  const tensor = create(TypeProto_TensorSchema, { elemType: TensorProto_DataType.FLOAT, shape });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

/** Arbitrary ones. */
export function weights(name: string, dims: readonly number[]): TensorProto {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: count }, (_, index) => (((index * 7_919) % 997) / 997 - 0.5) * 0.1);
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    rawData: new Uint8Array(data.buffer),
  });
}
