import type { TensorType } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { type GpuTensor, planReadBack } from './read-back-plan.js';

const limits = {
  minStorageBufferOffsetAlignment: 256,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
};

/** The plan looks at no more of a buffer than its size: there is no device here. */
function tensor(name: string, type: TensorType, dims: number[], numBytes: number): GpuTensor {
  return { name, type, dims, buffer: { size: numBytes } as GPUBuffer };
}

/** Of each tensor: its name, how it lies there, where, and how long it is. */
function laidOut(...given: Parameters<typeof planReadBack>) {
  const { slots, encodedBytes, totalBytes } = planReadBack(...given);
  const places = slots.map(({ tensor, narrowing, offset, numBytes }) => [
    tensor.name,
    narrowing?.codec ?? 'as it is',
    offset,
    numBytes,
  ]);
  return { places, encodedBytes, totalBytes };
}

describe('a read-back', () => {
  const a = tensor('a', 'float32', [5], 32);
  const b = tensor('b', 'int64', [3], 32);
  const c = tensor('c', 'float16', [5], 16);

  it('begins with what is encoded, each behind its statistics and where a shader may write', () => {
    expect(laidOut([a, b, c], 'u8', limits)).toEqual({
      places: [
        ['a', 'u8', 0, 16 + 8],
        ['c', 'u8', 256, 16 + 8],
        ['b', 'as it is', 280, 24],
      ],
      encodedBytes: 280,
      totalBytes: 304,
    });
  });

  it('copies what the codec does not narrow', () => {
    expect(laidOut([a, c], 'f16', limits).places).toEqual([
      ['a', 'f16', 0, 16 + 12],
      ['c', 'as it is', 28, 12],
    ]);
    expect(laidOut([a, b], 'raw', limits)).toMatchObject({ encodedBytes: 0, totalBytes: 20 + 24 });
  });

  it('takes nothing of a tensor without numbers', () => {
    expect(laidOut([tensor('e', 'float32', [0, 3], 4)], 'u8', limits)).toMatchObject({ totalBytes: 0 });
  });

  it('copies what no shader can see as a whole, or what does not fit beside the others', () => {
    const small = { ...limits, maxStorageBufferBindingSize: 31 };
    expect(laidOut([a, c], 'u8', small).places).toEqual([
      ['c', 'u8', 0, 24],
      ['a', 'as it is', 24, 20],
    ]);
    const narrow = { ...limits, maxBufferSize: 279 };
    expect(laidOut([a, c], 'u8', narrow).places).toEqual([
      ['a', 'u8', 0, 24],
      ['c', 'as it is', 24, 12],
    ]);
  });
});
