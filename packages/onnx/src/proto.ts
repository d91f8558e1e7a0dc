import { create, type MessageShape } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { dataTypeOf, type ElementType } from './element-type.js';

type Owned = Uint8Array<ArrayBuffer>;

/**
 * A shallow copy with some fields replaced. Spreading would lose the prototype, which holds proto2's default values.
 */
export function withFields<T extends object>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, fields);
}

/** onnx-buf types bytes as `Uint8Array<ArrayBuffer>`; any Uint8Array is written alike. */
export function asProtoBytes(bytes: Uint8Array): Owned {
  return bytes as Owned;
}

/** `null` dimensions are unknown; without `dims` not even the rank is known, without `type` neither is the type. */
export function valueInfo(name: string, type?: ElementType, dims?: readonly (number | null)[]): ValueInfoProto {
  if (type === undefined) return create(ValueInfoProtoSchema, { name });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: 'tensorType',
        value: create(TypeProto_TensorSchema, {
          elemType: dataTypeOf(type),
          ...(dims && { shape: shapeOf(dims) }),
        }),
      },
    }),
  });
}

export function shapeOf(dims: readonly (number | null)[]): MessageShape<typeof TensorShapeProtoSchema> {
  return create(TensorShapeProtoSchema, {
    dim: dims.map((dim) =>
      create(TensorShapeProto_DimensionSchema, dim === null ? {} : { value: { case: 'dimValue', value: BigInt(dim) } }),
    ),
  });
}

type AttributeValue = number | bigint | string | readonly bigint[] | readonly number[];

/** Integers are given as bigint, so that `1` is a float and `1n` an integer. */
function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'bigint') return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: value });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
  if (typeof value === 'string') {
    const s = asProtoBytes(new TextEncoder().encode(value));
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s });
  }
  const ints = value.filter((item) => typeof item === 'bigint');
  if (ints.length === value.length) return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints });
  return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: value.map(Number) });
}

export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  return create(NodeProtoSchema, {
    name: output[0] ?? opType,
    opType,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}

/** The node with one attribute set. */
export function withAttribute(node: NodeProto, name: string, value: AttributeValue): NodeProto {
  const others = node.attribute.filter((known) => known.name !== name);
  return withFields(node, { attribute: [...others, attribute(name, value)] });
}

/** An initialiser from raw little-endian bytes. */
export function rawTensor(name: string, dataType: number, dims: readonly number[], bytes: Uint8Array): TensorProto {
  return create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData: asProtoBytes(bytes) });
}

export function floatTensor(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  return rawTensor(name, dataTypeOf('float32'), dims, new Uint8Array(new Float32Array(values).buffer));
}

export function int64Tensor(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  return rawTensor(name, dataTypeOf('int64'), dims, new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer));
}

/** Subgraphs of a node: the bodies of `If`, `Loop`, `Scan` and the like. */
export function bodiesOf(node: NodeProto): readonly GraphProto[] {
  const bodies: GraphProto[] = [];
  for (const { g, graphs } of node.attribute) {
    if (g) bodies.push(g);
    bodies.push(...graphs);
  }
  return bodies;
}

export function intAttribute(node: NodeProto, name: string): number | undefined {
  const found = node.attribute.find((attribute) => attribute.name === name);
  return found && Number(found.i);
}

export function intsAttribute(node: NodeProto, name: string): readonly number[] | undefined {
  return node.attribute.find((attribute) => attribute.name === name)?.ints.map(Number);
}

/** Operators of the standard set have an empty domain, or its long name. */
export function isStandard(node: NodeProto): boolean {
  return node.domain === '' || node.domain === 'ai.onnx';
}
