import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkExpectedTensors,
  checkTensorHeaders,
  decodeTensors,
  ELEMENT_BYTES,
  encodeTensors,
  TENSOR_TYPES,
  type TensorHeader,
  tensorArray,
  tensorBytes,
} from './index.js';

const header = (fields: Partial<TensorHeader>): TensorHeader => ({
  name: 'a',
  type: 'float32',
  dims: [2],
  codec: 'raw',
  numBytes: 8,
  ...fields,
});

const tensors = fc.uniqueArray(
  fc
    .tuple(
      fc.string({ maxLength: 8 }),
      fc.constantFrom(...TENSOR_TYPES),
      fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    )
    .chain(([name, type, dims]) =>
      fc
        .uint8Array({ minLength: tensorBytes(type, dims), maxLength: tensorBytes(type, dims) })
        .map((data) => ({ name, type, dims, data: data.slice() })),
    ),
  { selector: ({ name }) => name, maxLength: 6 },
);

describe('tensors', () => {
  it('of every type and shape come back byte for byte, aligned for their typed array', () => {
    fc.assert(
      fc.property(tensors, (tensors) => {
        const { tensors: headers, parts, numBytes } = encodeTensors(tensors);
        expect(checkTensorHeaders(headers, numBytes)).toBeUndefined();
        expect(checkExpectedTensors(headers, tensors)).toBeUndefined();
        const decoded = decodeTensors(headers, new Uint8Array(parts.flatMap((part) => [...part])));
        expect(decoded).toHaveLength(tensors.length);
        for (const [index, { header, bytes }] of decoded.entries()) {
          expect([...bytes]).toEqual([...(tensors[index]?.data ?? [])]);
          expect(bytes.byteOffset % ELEMENT_BYTES[header.type]).toBe(0);
          expect(tensorArray(header.type, bytes).byteLength).toBe(header.numBytes);
        }
      }),
    );
  });

  it('view the memory they are given and copy nothing that is aligned', () => {
    const data = new Float32Array([1, 2, 3]).subarray(1);
    const { parts } = encodeTensors([{ name: 'x', type: 'float32', dims: [2], data }]);
    expect(parts[0]?.buffer).toBe(data.buffer);
    expect(parts[0]?.byteOffset).toBe(4);
    const payload = new Uint8Array(new Float32Array([5, 6]).buffer);
    const [decoded] = decodeTensors([header({})], payload);
    expect(decoded?.bytes.buffer).toBe(payload.buffer);
  });

  it('refuse data that does not fit the shape', () => {
    expect(() => encodeTensors([{ name: 'x', type: 'float32', dims: [3], data: new Float32Array(2) }])).toThrow(
      /"x" holds 8 bytes; float32 \[3\] has 12/,
    );
  });

  it('have one element when their shape is []', () => {
    expect(tensorBytes('int64', [])).toBe(8);
    expect(tensorBytes('int64', [0])).toBe(0);
  });
});

describe('tensor headers that are wrong', () => {
  it.each([
    ['whose size is not that of their shape', [header({ numBytes: 12 })], 12],
    ['whose total is not the sum', [header({})], 9],
    ['whose name is there twice', [header({}), header({})], 16],
    ['whose shape overflows', [header({ dims: [2 ** 52, 2 ** 52], numBytes: 8 })], 8],
  ])('%s are refused', (_, headers, numBytes) => {
    expect(checkTensorHeaders(headers, numBytes)?.code).toBe('bad_tensors');
  });

  it.each([
    ['another name', [header({ name: 'b' })]],
    ['another type', [header({ type: 'int32' })]],
    ['another shape of the same size', [header({ dims: [2, 1] })]],
    ['one too few', []],
    ['one too many', [header({}), header({ name: 'b' })]],
  ])('with %s are not what was expected', (_, headers) => {
    const expected = [{ name: 'a', type: 'float32', dims: [2] }] as const;
    expect(
      checkExpectedTensors(
        headers,
        expected.map((info) => ({ ...info, dims: [...info.dims] })),
      )?.code,
    ).toBe('bad_tensors');
  });

  it('in another order are not what was expected', () => {
    const [a, b] = [header({}), header({ name: 'b' })];
    expect(checkExpectedTensors([b, a], [a, b])?.code).toBe('bad_tensors');
  });
});
