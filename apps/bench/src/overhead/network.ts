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
const HIDDEN = 384;

/**
 * A network whose first node leaves 64 KB and whose other nodes take a few ms on one core: Relu, then two 3 x 3
 * convolutions and a pooling. Weights are arbitrary; run time does not depend on them.
 */
export function overheadNetwork(): Uint8Array {
  const [, channels = 16] = CROSSING;
  return networkFile({
    name: 'overhead',
    node: [
      node('Relu', ['x'], 'crossing'),
      convolution(['crossing', 'w1'], 'a'),
      node('Relu', ['a'], 'b'),
      convolution(['b', 'w2'], 'c'),
      node('GlobalAveragePool', ['c'], 'y'),
    ],
    input: [value('x', CROSSING)],
    output: [value('y', [1, channels, 1, 1])],
    initializer: [weights('w1', [HIDDEN, channels, 3, 3]), weights('w2', [channels, HIDDEN, 3, 3])],
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

export function node(opType: string, input: string[], output: string): NodeProto {
  return create(NodeProtoSchema, { name: output, opType, input, output: [output] });
}

/** 3 x 3, as large as its input. */
export function convolution(input: string[], output: string): NodeProto {
  const pads = create(AttributeProtoSchema, {
    name: 'pads',
    type: AttributeProto_AttributeType.INTS,
    ints: [1n, 1n, 1n, 1n],
  });
  return create(NodeProtoSchema, { name: output, opType: 'Conv', input, output: [output], attribute: [pads] });
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
