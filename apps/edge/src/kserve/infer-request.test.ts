import { ProtocolError, type TensorInfo, type TensorType } from '@cutpoint/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contract } from './contract.js';
import { DATATYPES } from './datatypes.js';
import { readInferRequest } from './infer-request.js';
import { writeInferResponse } from './infer-response.js';
import { bytesOfValues, valuesAsJson } from './json-values.js';

const info = (name: string, type: TensorType, dims: number[]): TensorInfo => ({ name, type, dims });
const CONTRACT: Contract = {
  inputs: [info('mask', 'uint8', [3]), info('x', 'float32', [1, 4])],
  outputs: [info('y', 'float32', [1, 4]), info('z', 'int64', [1, 4])],
};
const MASK = { name: 'mask', datatype: 'UINT8', shape: [3], data: [1, 0, 2] };
const X = { name: 'x', datatype: 'FP32', shape: [1, 4], data: [[-1, 0.5, 2, 3]] };
const X_BYTES = new Uint8Array(new Float32Array([-1, 0.5, 2, 3]).buffer);

function read(request: unknown, binary?: Uint8Array, contracts = [CONTRACT]) {
  const json = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request));
  const body = new Uint8Array(Buffer.concat([json, binary ?? new Uint8Array()]));
  return readInferRequest(body, binary === undefined ? undefined : json.byteLength, contracts);
}

function refusal(...given: Parameters<typeof read>): string {
  try {
    read(...given);
  } catch (error) {
    if (error instanceof ProtocolError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'read';
}

describe('an inference request', () => {
  it('as JSON, nested or flat, in any order, gives the payload in the order of the contract', () => {
    const whole = new Uint8Array([1, 0, 2, ...X_BYTES]);
    for (const inputs of [
      [MASK, X],
      [X, MASK],
      [{ ...X, data: [-1, 0.5, 2, 3] }, MASK],
    ]) {
      const { payload, outputs, contract } = read({ inputs });
      expect(payload).toEqual(whole);
      expect(contract).toBe(0);
      expect(outputs).toEqual([
        { name: 'y', isBinary: false },
        { name: 'z', isBinary: false },
      ]);
    }
  });

  it('with binary data, all or some of it, takes each tensor from its place behind the JSON', () => {
    const binaryX = { name: 'x', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } };
    const binaryMask = { name: 'mask', datatype: 'UINT8', shape: [3], parameters: { binary_data_size: 3 } };
    const whole = new Uint8Array([1, 0, 2, ...X_BYTES]);
    expect(read({ inputs: [binaryX, binaryMask] }, new Uint8Array([...X_BYTES, 1, 0, 2])).payload).toEqual(whole);
    expect(read({ inputs: [MASK, binaryX] }, X_BYTES).payload).toEqual(whole);
  });

  it('says which outputs it wants, how, and by when', () => {
    const inputs = [MASK, X];
    expect(
      read({
        id: 'seven',
        inputs,
        outputs: [{ name: 'z', parameters: { binary_data: false } }, { name: 'y' }],
        parameters: { binary_data_output: true, timeout: 1_500 },
      }),
    ).toMatchObject({
      id: 'seven',
      timeoutMs: 1.5,
      outputs: [
        { name: 'z', isBinary: false },
        { name: 'y', isBinary: true },
      ],
    });
  });

  it('means the form of the model whose inputs it has', () => {
    const larger: Contract = { ...CONTRACT, inputs: [info('x', 'float32', [1, 2])] };
    const x = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
    expect(read({ inputs: [x] }, undefined, [CONTRACT, larger]).contract).toBe(1);
    expect(refusal({ inputs: [{ ...x, shape: [1, 3] }] }, undefined, [CONTRACT, larger])).toContain(
      'or it takes "x" FP32 [1, 2]',
    );
  });

  const binary = (size: number) => ({ ...X, data: undefined, parameters: { binary_data_size: size } });
  const refusals: readonly [string, Parameters<typeof read>, string][] = [
    ['no JSON', ['{'], 'bad_json'],
    ['no object', ['[1]'], 'bad_message'],
    ['no inputs', [{}], 'bad_message: inputs'],
    ['a shape with a hole', [{ inputs: [{ ...X, shape: [1, -4] }] }], 'bad_message: inputs.0.shape.1'],
    ['an input missing', [{ inputs: [X] }], 'the input "mask" UINT8 [3] is missing'],
    ['an input twice', [{ inputs: [MASK, X, X] }], 'the input "x" is there twice'],
    ['an input too many', [{ inputs: [MASK, X, { ...X, name: 'w' }] }], 'there is no input "w"'],
    [
      'another datatype',
      [{ inputs: [MASK, { ...X, datatype: 'FP64' }] }],
      '"x" is FP64 [1, 4]; it must be FP32 [1, 4]',
    ],
    ['another shape', [{ inputs: [MASK, { ...X, shape: [4] }] }], '"x" is FP32 [4]; it must be FP32 [1, 4]'],
    ['too few elements', [{ inputs: [MASK, { ...X, data: [1, 2, 3] }] }], 'is not as its shape'],
    ['elements too deep', [{ inputs: [MASK, { ...X, data: [[[1], 2, 3, 4]] }] }], 'element 0 of "x" is not a number'],
    ['a ragged list', [{ inputs: [MASK, { ...X, data: [[1, 2, 3]] }] }], 'is not as its shape'],
    ['a text among numbers', [{ inputs: [MASK, { ...X, data: [1, '2', 3, 4] }] }], 'element 1 of "x"'],
    ['a number that is too large', [{ inputs: [MASK, { ...X, data: [1, 2, 3, 1e39] }] }], 'element 3 of "x"'],
    ['a byte that is none', [{ inputs: [{ ...MASK, data: [1, 256, 0] }, X] }], 'a whole number from 0 to 255'],
    ['no data at all', [{ inputs: [MASK, { ...X, data: undefined }] }], 'neither data nor binary_data_size'],
    ['data twice', [{ inputs: [MASK, { ...binary(16), data: [] }] }, X_BYTES], 'both data and binary_data_size'],
    ['a wrong size', [{ inputs: [MASK, binary(12)] }, X_BYTES], 'binary_data_size of "x" is 12; it has 16 bytes'],
    ['too few bytes', [{ inputs: [MASK, binary(16)] }, X_BYTES.subarray(1)], '15 bytes of binary data came'],
    ['too many bytes', [{ inputs: [MASK, X] }, X_BYTES], '16 bytes of binary data belong to no input'],
    ['no header length', [{ inputs: [MASK, binary(16)] }], 'no Inference-Header-Content-Length'],
    ['an unknown output', [{ inputs: [MASK, X], outputs: [{ name: 'w' }] }], 'the outputs are "y", "z"'],
    ['an output twice', [{ inputs: [MASK, X], outputs: [{ name: 'y' }, { name: 'y' }] }], 'asked for twice'],
    [
      'shared memory',
      [{ inputs: [MASK, { ...X, parameters: { shared_memory_region: 'r' } }] }],
      'shared_memory_region',
    ],
    ['classes', [{ inputs: [MASK, X], outputs: [{ name: 'y', parameters: { classification: 3 } }] }], 'classification'],
  ];
  it.each(refusals)('with %s is refused with the reason', (_, given, reason) => {
    expect(refusal(...given)).toContain(reason);
  });

  it('keeps no more of what it quotes than a line', () => {
    const long = 'n'.repeat(100_000);
    expect(refusal({ inputs: [MASK, X, { ...X, name: long }] }).length).toBeLessThan(500);
    expect(refusal({ inputs: [MASK, { ...X, datatype: long, shape: Array(10_000).fill(1) }] }).length).toBeLessThan(
      500,
    );
    expect(refusal({ inputs: [MASK, X], outputs: [{ name: long }] }).length).toBeLessThan(500);
  });
});

describe('elements as JSON', () => {
  it.each(Object.keys(DATATYPES) as TensorType[])('of %s come back as they were', (type) => {
    const values = type === 'bool' ? [true, false, true] : [0, 1, 2];
    const shaped = info('t', type, [3]);
    const bytes = bytesOfValues(shaped, values);
    expect(JSON.parse(valuesAsJson(shaped, bytes))).toEqual(values);
  });

  it('round to half precision, ties to even, subnormal numbers included, and never to an infinity', () => {
    const half = info('h', 'float16', [4]);
    expect(bytesOfValues(half, [1, -2, 2 ** -24, 2049])).toEqual(
      new Uint8Array(new Uint16Array([0x3c00, 0xc000, 1, 0x6800]).buffer),
    );
    expect(() => bytesOfValues(half, [65_520, 0, 0, 0])).toThrow('element 0');
  });

  it('of 64 bits are never silently another number', () => {
    const big = info('b', 'int64', [1]);
    expect(() => bytesOfValues(big, [2 ** 53])).toThrow('binary data');
    const bytes = new Uint8Array(new BigInt64Array([-(2n ** 62n) - 1n]).buffer);
    expect(valuesAsJson(big, bytes)).toBe('[-4611686018427387905]');
  });

  it('are refused where JSON has no word for them', () => {
    const bytes = new Uint8Array(new Float32Array([1, Number.NaN]).buffer);
    expect(() => valuesAsJson(info('t', 'float32', [2]), bytes)).toThrow('NaN, which JSON cannot say');
  });
});

describe('an inference response', () => {
  it('is one JSON object, followed by what was asked for as binary data in its order', () => {
    const payload = new Uint8Array([...X_BYTES, ...new Uint8Array(new BigInt64Array([1n, 2n]).buffer), 9]);
    const raw = { codec: 'raw' } as const;
    const { body, jsonBytes } = writeInferResponse({
      modelName: 'm@1',
      modelVersion: '3',
      id: 'a"b',
      outputs: [
        { name: 'y', isBinary: true },
        { name: 'z', isBinary: false },
        { name: 'w', isBinary: true },
      ],
      tensors: [
        { name: 'y', type: 'float32', dims: [1, 4], numBytes: 16, ...raw },
        { name: 'z', type: 'int64', dims: [2], numBytes: 16, ...raw },
        { name: 'w', type: 'uint8', dims: [1], numBytes: 1, ...raw },
      ],
      payload,
    });
    expect(JSON.parse(Buffer.from(body.subarray(0, jsonBytes)).toString())).toEqual({
      id: 'a"b',
      model_name: 'm@1',
      model_version: '3',
      outputs: [
        { name: 'y', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } },
        { name: 'z', datatype: 'INT64', shape: [2], data: [1, 2] },
        { name: 'w', datatype: 'UINT8', shape: [1], parameters: { binary_data_size: 1 } },
      ],
    });
    expect(body.subarray(jsonBytes)).toEqual(new Uint8Array([...X_BYTES, 9]));
  });
});

describe('whatever comes', () => {
  const readsOrRefuses = (body: Uint8Array, jsonBytes: number | undefined) => {
    try {
      const { payload } = readInferRequest(new Uint8Array(body), jsonBytes, [CONTRACT]);
      expect(payload.byteLength).toBe(19);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
    }
  };

  it('any bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.option(fc.nat(400), { nil: undefined }), readsOrRefuses),
      { numRuns: 2_000 },
    );
  });

  it('so is any JSON, also that which is almost a request', () => {
    const near = <T>(value: T) => fc.oneof({ weight: 8, arbitrary: fc.constant(value) }, fc.jsonValue());
    const input = (value: typeof X | typeof MASK) =>
      fc.record(
        {
          name: near(value.name),
          datatype: near(value.datatype),
          shape: near(value.shape),
          data: near<unknown>(value.data),
          parameters: fc.option(fc.record({ binary_data_size: fc.oneof(fc.constantFrom(3, 16), fc.jsonValue()) })),
        },
        { requiredKeys: [] },
      );
    const request = fc.record(
      { inputs: fc.oneof(fc.tuple(input(MASK), input(X)), fc.jsonValue()), outputs: near([{ name: 'y' }]) },
      { requiredKeys: ['inputs'] },
    );
    fc.assert(
      fc.property(request, fc.uint8Array({ maxLength: 32 }), fc.boolean(), (value, binary, hasBinary) => {
        const json = Buffer.from(JSON.stringify(value));
        readsOrRefuses(Buffer.concat([json, binary]), hasBinary ? json.byteLength : undefined);
      }),
      { numRuns: 2_000 },
    );
  });
});
