import { create } from '@bufbuild/protobuf';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  StringStringEntryProtoSchema,
  type TensorProto,
} from 'onnx-buf';
import { bitsPerElement, countElements } from './element-type.js';
import { OnnxError } from './errors.js';

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === DataLocation.EXTERNAL;
}

/** Where external data is: a file named relative to the model, and the part of it. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  /** To the end of the file when left out. */
  readonly length: number | undefined;
}

export function externalDataOf(tensor: TensorProto): ExternalData {
  const fields = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = fields.get('location');
  if (!location)
    throw new OnnxError('invalid_graph', `Initialiser "${tensor.name}" has external data without location.`);
  const length = fields.get('length');
  return {
    location,
    offset: Number(fields.get('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}

/** The fields of a tensor whose bytes are there. */
export function externalData({
  location,
  offset,
  length,
}: ExternalData): Pick<TensorProto, 'dataLocation' | 'externalData'> {
  const entry = (key: string, value: string | number) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) });
  return {
    dataLocation: DataLocation.EXTERNAL,
    externalData: [
      entry('location', location),
      entry('offset', offset),
      ...(length === undefined ? [] : [entry('length', length)]),
    ],
  };
}

/** Bytes that the shape and the element type ask for; 0 for strings, which have no fixed size. */
export function expectedBytes(tensor: TensorProto): number {
  if (tensor.dataType === DataType.STRING) return 0;
  return Math.ceil((countElements(tensor.dims) * bitsPerElement(tensor.dataType)) / 8);
}

function fromNumbers(tensor: TensorProto, values: readonly number[]): Uint8Array {
  switch (bitsPerElement(tensor.dataType)) {
    case 16:
      return new Uint8Array(Uint16Array.from(values).buffer);
    case 32:
      return new Uint8Array(Int32Array.from(values).buffer);
    default:
      return Uint8Array.from(values);
  }
}

/**
 * The bytes of a tensor in raw layout: a view where the file has them so, a conversion where it lists numbers.
 * Not for strings and external data.
 *
 * @throws OnnxError `truncated` when there are fewer bytes than the shape needs
 */
export function tensorBytes(tensor: TensorProto): Uint8Array {
  let bytes: Uint8Array;
  if (tensor.rawData.length > 0) bytes = tensor.rawData;
  else if (tensor.floatData.length > 0) bytes = new Uint8Array(Float32Array.from(tensor.floatData).buffer);
  else if (tensor.doubleData.length > 0) bytes = new Uint8Array(Float64Array.from(tensor.doubleData).buffer);
  else if (tensor.int64Data.length > 0) bytes = new Uint8Array(BigInt64Array.from(tensor.int64Data).buffer);
  else if (tensor.uint64Data.length > 0) bytes = fromUint64(tensor);
  else bytes = fromNumbers(tensor, tensor.int32Data);
  const expected = expectedBytes(tensor);
  if (bytes.length === expected) return bytes;
  throw new OnnxError(
    bytes.length < expected ? 'truncated' : 'invalid_graph',
    `Initialiser "${tensor.name}" of shape [${tensor.dims.join(', ')}] needs ${expected} bytes and has ${bytes.length}. ` +
      'The file is damaged: fetch or export it again.',
  );
}

function fromUint64(tensor: TensorProto): Uint8Array {
  // uint64_data also holds uint32.
  if (tensor.dataType === DataType.UINT32) {
    return new Uint8Array(Uint32Array.from(tensor.uint64Data, Number).buffer);
  }
  return new Uint8Array(BigUint64Array.from(tensor.uint64Data).buffer);
}
