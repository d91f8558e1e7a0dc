import { fromHalf, isElementType, OnnxError, type RuntimeTensor, type RuntimeTensors } from '@cutpoint/onnx';
import { type OnnxValue, Tensor } from 'onnxruntime-node';

type Numbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** The typed array that onnxruntime expects for each element type; fp16 travels as its bits. */
const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Views where the bytes are aligned for their type, copies where they are not. */
export function toOrt(tensors: RuntimeTensors): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toOrtTensor(tensor)]));
}

function toOrtTensor({ type, dims, bytes, strings }: RuntimeTensor): Tensor {
  if (type === 'string') return new Tensor('string', [...(strings ?? [])], dims);
  return new Tensor(type, numbersOf(type, bytes), dims);
}

/** The numbers of a tensor as onnxruntime's own typed array. */
export function numbersOf(type: keyof typeof ARRAYS, bytes: Uint8Array): Numbers {
  const TypedArray = ARRAYS[type];
  const width = TypedArray.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new TypedArray(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / width);
}

export function fromOrt(values: Readonly<Record<string, OnnxValue>>): RuntimeTensors {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fromOrtValue(name, value)]));
}

function fromOrtValue(name: string, value: OnnxValue): RuntimeTensor {
  // `OnnxValue` admits sequences and maps by its type only; onnxruntime-node refuses to return them.
  if (!(value instanceof Tensor)) throw new OnnxError('unsupported', `"${name}" is not a tensor.`);
  const { type, dims, data } = value;
  if (type === 'string') return { type, dims, bytes: new Uint8Array(), strings: data as string[] };
  if (!isElementType(type)) throw new OnnxError('unsupported', `"${name}" is a ${type} tensor.`);
  const numbers = data as Numbers;
  return { type, dims, bytes: new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength) };
}

/** The numbers of a tensor as JavaScript's own; integers of 64 bits lose what a double cannot hold, strings have none. */
export function floatsOf({ type, bytes }: RuntimeTensor): ArrayLike<number> {
  if (type === 'string') return [];
  const numbers = numbersOf(type, bytes);
  if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) {
    const integers: ArrayLike<bigint> = numbers;
    return Float64Array.from(integers, Number);
  }
  return type === 'float16' ? Float32Array.from(numbers, fromHalf) : numbers;
}
