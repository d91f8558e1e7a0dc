import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** A small network with a skip connection: several tensors cross at some of its cuts. */

/** Large enough that an upload of it has a rate. */
const SIDE = 24;
const CHANNELS = 8;
const CLASSES = 5;
export const INPUT_DIMS: readonly number[] = [1, 3, SIDE, SIDE];

type Element = 'float32' | 'float16';
type Attribute = number | readonly number[];

let state = 7;
/** The same weights in every run. */
function random(): number {
  state = (state * 1103515245 + 12345) % 2147483648;
  return state / 1073741824 - 1;
}

function node(opType: string, input: string[], output: string[], attributes: Record<string, Attribute> = {}) {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    typeof value === 'number'
      ? create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
      : create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) }),
  );
  return create(NodeProtoSchema, { opType, name: `${opType}_${output[0]}`, input, output, attribute });
}

function weights(name: string, dims: readonly number[], element: Element, scale: number) {
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() * scale);
  const rawData = element === 'float32' ? new Uint8Array(values.buffer) : new Uint8Array(halves(values).buffer);

  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: dataType(element), rawData });
}

function halves(values: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, (value) => {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
    const exponent = ((bits >>> 23) & 0xff) - 112;
    // Small weights only: no infinity, and what is below the normal range is 0.
    return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 0x3ff));
  });
}

function dataType(element: Element): DataType {
  return element === 'float32' ? DataType.FLOAT : DataType.FLOAT16;
}

function value(name: string, dims: readonly number[], element: Element) {
  const dim = dims.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
  );
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: dataType(element), shape });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

export function tinyModel(element: Element = 'float32'): Uint8Array {
  state = 7;
  const same = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
      graph: create(GraphProtoSchema, {
        name: 'tiny',
        input: [value('x', INPUT_DIMS, element)],
        output: [value('scores', [1, CLASSES], element), value('pooled', [1, CHANNELS, 1, 1], element)],
        initializer: [
          weights('w1', [CHANNELS, 3, 3, 3], element, 0.3),
          weights('b1', [CHANNELS], element, 0.1),
          weights('w2', [CHANNELS, CHANNELS, 3, 3], element, 0.2),
          weights('w3', [CHANNELS, CHANNELS, 1, 1], element, 0.4),
          weights('w4', [CHANNELS, CLASSES], element, 0.5),
        ],
        node: [
          node('Conv', ['x', 'w1', 'b1'], ['c1'], same),
          node('Relu', ['c1'], ['r1']),
          node('Conv', ['r1', 'w2'], ['c2'], same),
          node('Add', ['c2', 'r1'], ['sum']),
          node('Sigmoid', ['sum'], ['s']),
          node('MaxPool', ['s'], ['p'], { kernel_shape: [2, 2], strides: [2, 2] }),
          node('Conv', ['p', 'w3'], ['c3'], { kernel_shape: [1, 1] }),
          node('GlobalAveragePool', ['c3'], ['pooled']),
          node('Flatten', ['pooled'], ['flat'], { axis: 1 }),
          node('MatMul', ['flat', 'w4'], ['logits']),
          node('Softmax', ['logits'], ['scores'], { axis: 1 }),
        ],
      }),
    }),
  );
}

/** `y = 0` from one number, after so many products of large matrices: a tail that runs for a while. */
export function longModel(products = 48, side = 1024): Uint8Array {
  const shape = create(TensorProtoSchema, {
    name: 'shape',
    dims: [2n],
    dataType: DataType.INT64,
    int64Data: [BigInt(side), BigInt(side)],
  });
  const squares = Array.from({ length: products }, (_, i) => node('MatMul', [`m${i}`, `m${i}`], [`m${i + 1}`]));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
      graph: create(GraphProtoSchema, {
        name: 'long',
        input: [value('x', [1], 'float32')],
        output: [value('y', [], 'float32')],
        initializer: [shape],
        node: [
          node('Expand', ['x', 'shape'], ['m0']),
          ...squares,
          node('ReduceSum', [`m${products}`], ['y'], { keepdims: 0 }),
        ],
      }),
    }),
  );
}

/**
 * What crosses after its `Round` was made by onnxruntime's CPU provider also where all else runs on WebGPU, which has no
 * kernel for it.
 */
export function roundingModel(): Uint8Array {
  state = 7;
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
      graph: create(GraphProtoSchema, {
        name: 'rounding',
        input: [value('x', INPUT_DIMS, 'float32')],
        output: [value('scores', [1, CLASSES], 'float32')],
        initializer: [
          weights('w1', [CHANNELS, 3, 3, 3], 'float32', 3),
          weights('w2', [CHANNELS, CLASSES], 'float32', 0.5),
        ],
        node: [
          node('Conv', ['x', 'w1'], ['c1'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
          node('Round', ['c1'], ['rounded']),
          node('GlobalAveragePool', ['rounded'], ['pooled']),
          node('Flatten', ['pooled'], ['flat'], { axis: 1 }),
          node('MatMul', ['flat', 'w2'], ['scores']),
        ],
      }),
    }),
  );
}

/** A model repository with the network in fp32 (also for pictures) and in fp16. */
export async function writeModels(dir: string): Promise<void> {
  const labels = Array.from({ length: CLASSES }, (_, i) => `class ${i}`).join('\n');
  for (const [name, element] of [
    ['tiny', 'float32'],
    ['tiny-fp16', 'float16'],
  ] as const) {
    await mkdir(join(dir, name, '1'), { recursive: true });
    await writeFile(join(dir, name, '1', 'model.onnx'), tinyModel(element));
    await writeFile(join(dir, name, 'labels.txt'), labels);
    const config = {
      description: 'A small network for tests',
      source: { file: '1/model.onnx' },
      ...(element === 'float32'
        ? {
            pixels: {
              input: 'x',
              channels: 'rgb',
              mean: [127.5, 127.5, 127.5],
              std: [127.5, 127.5, 127.5],
              sizes: [[SIDE, SIDE]],
              fit: 'cover',
            },
            post: { type: 'top-k', output: 'scores', k: 3, softmax: false },
            labels: { source: { file: 'labels.txt' } },
          }
        : {}),
    };
    await writeFile(join(dir, name, 'config.json'), JSON.stringify(config));
  }
}
