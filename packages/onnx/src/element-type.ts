import { TensorProto_DataType as DataType } from 'onnx-buf';
import { OnnxError } from './errors.js';

/** Element types of tensors that may cross a cut, by onnxruntime's names; the same list as the wire's. */
const ELEMENT_TYPES = [
  'float32',
  'float16',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
] as const;
export type ElementType = (typeof ELEMENT_TYPES)[number];

const BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

const CODES: Readonly<Record<ElementType, DataType>> = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  float64: DataType.DOUBLE,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int64: DataType.INT64,
  uint64: DataType.UINT64,
  bool: DataType.BOOL,
};

export function isElementType(type: string): type is ElementType {
  return Object.hasOwn(BYTES, type);
}

export function bytesPerElement(type: ElementType): number {
  return BYTES[type];
}

/** The number that ONNX stores for an element type. */
export function dataTypeOf(type: ElementType): DataType {
  return CODES[type];
}

/** `undefined` for strings, complex numbers, bfloat16, 8-bit floats and packed 4-bit numbers. */
export function elementTypeOf(dataType: number): ElementType | undefined {
  return ELEMENT_TYPES.find((type) => CODES[type] === dataType);
}

export function countElements(dims: readonly (number | bigint)[]): number {
  let count = 1;
  for (const dim of dims) count *= Number(dim);
  return count;
}

/** Bits of one element, for every type whose size is fixed. */
export function bitsPerElement(dataType: number): number {
  const known = elementTypeOf(dataType);
  if (known !== undefined) return BYTES[known] * 8;
  switch (dataType) {
    case DataType.BFLOAT16:
      return 16;
    case DataType.COMPLEX64:
      return 64;
    case DataType.COMPLEX128:
      return 128;
    case DataType.FLOAT8E4M3FN:
    case DataType.FLOAT8E4M3FNUZ:
    case DataType.FLOAT8E5M2:
    case DataType.FLOAT8E5M2FNUZ:
    case DataType.FLOAT8E8M0:
      return 8;
    case DataType.UINT4:
    case DataType.INT4:
    case DataType.FLOAT4E2M1:
      return 4;
    case DataType.UINT2:
    case DataType.INT2:
      return 2;
    default:
      throw new OnnxError('unsupported', `Tensors of element type ${dataType} have no fixed size.`);
  }
}
