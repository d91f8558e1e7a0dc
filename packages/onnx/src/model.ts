import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from 'onnx-buf';
import { OnnxError } from './errors.js';
import { asProtoBytes, bodiesOf, withFields } from './proto.js';
import { expectedBytes, externalDataOf, isExternal, tensorBytes } from './tensor-data.js';

/**
 * A decoded ONNX model. Weights are views over the bytes that it was decoded from, so those bytes must not change
 * while the model lives. No function of this package changes a model that it is given.
 */
export type Model = ModelProto;

/** Provides the bytes of a file that a model names for its weights; `undefined` when there is no such file. */
export type ExternalDataResolver = (location: string) => Uint8Array | undefined;

export interface DecodeOptions {
  /** Asked for each file of external data. Without it, a model with external data is refused. */
  readonly externalData?: ExternalDataResolver;
}

const EXPORT_AGAIN = 'Check that it is a whole .onnx file.';

/**
 * @throws OnnxError `not_onnx`, `truncated`, `missing_external_data`, `invalid_graph`
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  if (bytes.length === 0) throw new OnnxError('not_onnx', `The file is empty. ${EXPORT_AGAIN}`);
  const model = parse(bytes);
  const { graph } = model;
  if (!graph) throw new OnnxError('not_onnx', `The file has no graph. ${EXPORT_AGAIN}`);
  for (const node of graph.node) {
    if (node.opType === '') throw new OnnxError('not_onnx', `A node has no operator. ${EXPORT_AGAIN}`);
  }
  if (graph.output.length === 0) throw new OnnxError('not_onnx', `The graph has no outputs. ${EXPORT_AGAIN}`);
  if (model.opsetImport.length === 0) {
    throw new OnnxError('truncated', `The file names no operator set: it ends early. ${EXPORT_AGAIN}`);
  }
  return withFields(model, { graph: withCheckedWeights(graph, options.externalData) });
}

/** Weights that are external data stay so; all others are copied into the result. */
export function encodeModel(model: Model): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

function parse(bytes: Uint8Array): Model {
  try {
    // A plain view: subarrays of a Node Buffer would be Buffers.
    return fromBinary(ModelProtoSchema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    const { truncated, looksLikeOnnx } = inspectHeader(bytes);
    if (truncated && looksLikeOnnx) {
      throw new OnnxError('truncated', `The file ends early, after ${bytes.length} bytes. ${EXPORT_AGAIN}`, { cause });
    }
    throw new OnnxError('not_onnx', `The file is not an ONNX model. ${EXPORT_AGAIN}`, { cause });
  }
}

/**
 * Walks the outermost fields of a file that does not parse: a known first field that is followed by one that runs past
 * the end is a model cut short, anything else is not a model.
 */
function inspectHeader(bytes: Uint8Array): { truncated: boolean; looksLikeOnnx: boolean } {
  const known = new Set(ModelProtoSchema.fields.map((field) => field.number));
  let position = 0;
  let fields = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[position++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (position < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    if (!known.has(Math.floor(tag / 8)) || (wireType !== 0 && wireType !== 2)) {
      return { truncated: false, looksLikeOnnx: false };
    }
    if (fields++ === 0 && tag !== 8) return { truncated: false, looksLikeOnnx: false };
    const value = varint();
    if (wireType === 2) position += value;
    if (Number.isNaN(value) || position > bytes.length) return { truncated: true, looksLikeOnnx: true };
  }
  return { truncated: false, looksLikeOnnx: fields > 0 };
}

/** Every initialiser checked for its length; external data becomes views over the resolver's files. */
function withCheckedWeights(graph: GraphProto, resolve: ExternalDataResolver | undefined): GraphProto {
  const node = graph.node.map((node) => {
    if (bodiesOf(node).length === 0 && node.opType !== 'Constant') return node;
    const attribute = node.attribute.map((attribute) =>
      withFields(attribute, {
        ...(attribute.g && { g: withCheckedWeights(attribute.g, resolve) }),
        ...(attribute.t && { t: checked(attribute.t, resolve) }),
        graphs: attribute.graphs.map((body) => withCheckedWeights(body, resolve)),
      }),
    );
    return withFields(node, { attribute });
  });
  return withFields(graph, { node, initializer: graph.initializer.map((tensor) => checked(tensor, resolve)) });
}

function checked(tensor: TensorProto, resolve: ExternalDataResolver | undefined): TensorProto {
  if (tensor.dataType === TensorProto_DataType.STRING) return tensor;
  if (!isExternal(tensor)) {
    tensorBytes(tensor);
    return tensor;
  }
  const { location, offset, length } = externalDataOf(tensor);
  const file = resolve?.(location);
  if (!file) {
    throw new OnnxError(
      'missing_external_data',
      `Weights of "${tensor.name}" are in a file "${location}" that is not there. Put it beside the model.`,
    );
  }
  const expected = expectedBytes(tensor);
  const end = offset + (length ?? expected);
  if (!(offset >= 0) || end > file.length || end - offset !== expected) {
    throw new OnnxError(
      'truncated',
      `Weights of "${tensor.name}" need ${expected} bytes at ${offset} of "${location}", which has ${file.length}. ` +
        'The file is damaged or belongs to another model.',
    );
  }
  return withFields(tensor, {
    rawData: asProtoBytes(file.subarray(offset, end)),
    externalData: [],
    dataLocation: TensorProto_DataLocation.DEFAULT,
  });
}
