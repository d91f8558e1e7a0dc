import { create } from '@bufbuild/protobuf';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { OnnxError } from './errors.js';
import { GraphBuilder } from './graph-builder.js';
import { type DecodeOptions, decodeModel, encodeModel } from './model.js';
import { asProtoBytes } from './proto.js';
import { tensorBytes } from './tensor-data.js';

function codeOf(bytes: Uint8Array, options?: DecodeOptions): string | undefined {
  try {
    decodeModel(bytes, options);
    return undefined;
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
}

const small = () =>
  new GraphBuilder()
    .input('x', 'float32', [1, 300])
    .weight('w', [300, 4])
    .node('MatMul', ['x', 'w'], ['a'])
    .node('Sin', ['a'], ['y'])
    .output('y');

describe('decodeModel', () => {
  test('refuses what is not an ONNX file, with a code', () => {
    const text = new TextEncoder().encode('<!doctype html><title>404</title>');
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13);
    expect([new Uint8Array(), text, png, new Uint8Array(1000)].map((bytes) => codeOf(bytes))).toEqual(
      Array(4).fill('not_onnx'),
    );
  });

  test('refuses a file cut short at any byte', () => {
    const bytes = encodeModel(small().build());
    const codes = new Set<string | undefined>();
    for (let length = 0; length < bytes.length; length++) codes.add(codeOf(bytes.subarray(0, length)));
    expect([...codes].sort()).toEqual(['not_onnx', 'truncated']);
    expect(codeOf(bytes.subarray(0, bytes.length - 100))).toBe('truncated');
    expect(codeOf(bytes)).toBeUndefined();
  });

  test('never throws anything but its own error, whatever byte is wrong', () => {
    const bytes = encodeModel(small().build());
    for (let i = 0; i < bytes.length; i += 3) {
      const broken = bytes.slice();
      broken[i] = (broken[i] ?? 0) ^ 0xff;
      codeOf(broken);
    }
  });

  test('refuses weights that are shorter than their shape', () => {
    const short = create(TensorProtoSchema, {
      name: 'w',
      dataType: DataType.FLOAT,
      dims: [4n, 4n],
      rawData: asProtoBytes(new Uint8Array(60)),
    });
    const bytes = encodeModel(new GraphBuilder().initializer(short).output('w').build());
    expect(() => decodeModel(bytes)).toThrow('"w" of shape [4, 4] needs 64 bytes and has 60');
    expect(codeOf(bytes)).toBe('truncated');
  });

  test('gives weights as views over the file', () => {
    const bytes = encodeModel(small().build());
    const weight = decodeModel(bytes).graph?.initializer[0];
    expect(weight?.rawData.buffer).toBe(bytes.buffer);
    expect(weight?.rawData.byteLength).toBe(4800);
  });
});

describe('external data', () => {
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
  const withExternal = (offset: number, length: number) =>
    encodeModel(
      new GraphBuilder()
        .initializer(
          create(TensorProtoSchema, {
            name: 'w',
            dataType: DataType.FLOAT,
            dims: [4n],
            dataLocation: DataLocation.EXTERNAL,
            externalData: [
              entry('location', 'weights.bin'),
              entry('offset', `${offset}`),
              entry('length', `${length}`),
            ],
          }),
        )
        .output('w')
        .build(),
    );
  const file = new Uint8Array(new Float32Array([9, 1, 2, 3, 4]).buffer);
  const externalData = (location: string) => (location === 'weights.bin' ? file : undefined);

  test('is taken from the resolver', () => {
    const [weight] = decodeModel(withExternal(4, 16), { externalData }).graph?.initializer ?? [];
    expect(weight && [...new Float32Array(tensorBytes(weight).slice().buffer)]).toEqual([1, 2, 3, 4]);
  });

  test('that nobody has is an error', () => {
    expect(codeOf(withExternal(4, 16))).toBe('missing_external_data');
  });

  test('that ends early, or has another length, is an error', () => {
    expect(codeOf(withExternal(8, 16), { externalData })).toBe('truncated');
    expect(codeOf(withExternal(4, 12), { externalData })).toBe('truncated');
  });
});

describe('tensorBytes', () => {
  const bytesOf = (fields: object): readonly number[] => [
    ...tensorBytes(create(TensorProtoSchema, { name: 't', ...fields })),
  ];

  test('reads every way of listing numbers', () => {
    const halves = { dataType: DataType.FLOAT16, dims: [2n], int32Data: [0x3c00, 0xc000] };
    expect(bytesOf(halves)).toEqual([0x00, 0x3c, 0x00, 0xc0]);
    expect(bytesOf({ dataType: DataType.BOOL, dims: [3n], int32Data: [1, 0, 1] })).toEqual([1, 0, 1]);
    expect(bytesOf({ dataType: DataType.INT8, dims: [2n], int32Data: [-1, 2] })).toEqual([255, 2]);
    expect(bytesOf({ dataType: DataType.INT32, dims: [1n], int32Data: [-2] })).toEqual([254, 255, 255, 255]);
    expect(bytesOf({ dataType: DataType.UINT32, dims: [1n], uint64Data: [7n] })).toEqual([7, 0, 0, 0]);
    expect(bytesOf({ dataType: DataType.INT64, dims: [], int64Data: [1n] })).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(bytesOf({ dataType: DataType.FLOAT, dims: [1n], floatData: [1] })).toEqual([0, 0, 128, 63]);
    expect(bytesOf({ dataType: DataType.DOUBLE, dims: [1n], doubleData: [1] })).toEqual([0, 0, 0, 0, 0, 0, 240, 63]);
    expect(bytesOf({ dataType: DataType.FLOAT, dims: [0n] })).toEqual([]);
  });
});
