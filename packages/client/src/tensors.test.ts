import type { Variant } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { describe, expect, it } from 'vitest';
import { matchFeeds, toTensor } from './tensors.js';

function variant(height: number, width: number): Variant {
  return {
    id: `tensors:x=1,3,${height},${width}`,
    kind: 'tensors',
    inputs: [
      { name: 'x', type: 'float32', dims: [1, 3, height, width] },
      { name: 'n', type: 'int64', dims: [] },
    ],
    outputs: [],
    table: 'a'.repeat(64),
  };
}
const variants = [variant(2, 2), variant(2, 4)];
const n = new Tensor('int64', BigInt64Array.of(7n), []);

function x(height: number, width: number): Tensor {
  return new Tensor('float32', new Float32Array(3 * height * width), [1, 3, height, width]);
}

describe('matching feeds with what is served', () => {
  it('finds the variant of these dimensions, and views the bytes', () => {
    const { variant: found, feeds } = matchFeeds({ x: x(2, 4), n }, variants);
    expect(found.id).toBe('tensors:x=1,3,2,4');
    expect(feeds.map(({ name, bytes }) => [name, bytes.byteLength])).toEqual([
      ['x', 96],
      ['n', 8],
    ]);
  });

  it('takes tensors of another class, as onnxruntime-web has one', () => {
    const { type, dims, data } = x(2, 2);
    const { feeds } = matchFeeds({ x: { type, dims, data, location: 'cpu' }, n }, variants);
    expect(feeds[0]?.bytes.byteLength).toBe(48);
  });

  it.each([
    ['a missing feed', { n }, 'bad_feeds', /"x" is missing/],
    ['a feed that nobody asked for', { x: x(2, 2), n, y: n }, 'bad_feeds', /"y" is no input/],
    [
      'a wrong type',
      { x: new Tensor('int32', new Int32Array(12), [1, 3, 2, 2]), n },
      'bad_feeds',
      /"x" is int32; the model wants "x" float32 \[1, 3, 2, 2\]/,
    ],
    [
      'a shape that is not served',
      { x: x(3, 3), n },
      'shape_not_served',
      /\[1, 3, 3, 3\].*\[1, 3, 2, 2\].*\[1, 3, 2, 4\]/,
    ],
    ['a thing that is no tensor', { x: [1, 2] as unknown as Tensor, n }, 'bad_feeds', /"x" is not a Tensor/],
  ])('refuses %s', (_what, feeds, code, message) => {
    const attempt = () => matchFeeds(feeds as Record<string, Tensor>, variants);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code }));
  });

  it('says so when the model takes pictures only', () => {
    expect(() => matchFeeds({}, [])).toThrow(/runImage/);
  });
});

describe('outputs from bytes', () => {
  it('keeps halves as raw bits where the language has no Float16Array', () => {
    const tensor = toTensor(Tensor, 'float16', [2], new Uint8Array([0x00, 0x3c, 0x00, 0xc0]));
    const { buffer, byteOffset } = tensor.data as Uint16Array;
    expect([...new Uint16Array(buffer, byteOffset, 2)]).toEqual([0x3c00, 0xc000]);
  });

  it('gives int64 as big integers and booleans as bytes', () => {
    expect(toTensor(Tensor, 'int64', [1], new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])).data).toEqual(BigInt64Array.of(1n));
    expect(toTensor(Tensor, 'bool', [2], new Uint8Array([1, 0])).data).toEqual(Uint8Array.of(1, 0));
  });
});
