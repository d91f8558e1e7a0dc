import { inflateRawSync } from 'node:zlib';
import { CODECS } from '@cutpoint/partition';
import { checkTensorHeaders, narrows, TENSOR_CODECS, type TensorInfo } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { encode } from './encode.js';
import { profileOf } from './profile.js';

const all = new Set<string>(TENSOR_CODECS);
const values = Float32Array.from({ length: 5000 }, (_, i) => Math.max(0, Math.sin(i / 50)));
const info: TensorInfo = { name: 'h', type: 'float32', dims: [50, 100] };
const tensor = { ...info, bytes: new Uint8Array(values.buffer) };

describe('a crossing tensor', () => {
  it('is written as its arm says, and its header is right', async () => {
    const sizes = new Map<string, number>();
    for (const codec of CODECS) {
      const { header, bytes } = await encode(tensor, codec, all);
      expect(checkTensorHeaders([header], bytes.byteLength)).toBeUndefined();
      sizes.set(codec, bytes.byteLength);
    }
    expect(sizes.get('f32')).toBe(20_000);
    expect(sizes.get('f16')).toBe(10_000);
    expect(sizes.get('u8')).toBe(5000);
    for (const codec of ['f32', 'f16', 'u8']) {
      expect(sizes.get(`${codec}+deflate`)).toBeLessThan(sizes.get(codec) ?? 0);
    }
    // No picture, and no canvas here.
    expect(sizes.get('jpeg')).toBe(20_000);
  });

  it('is deflated without any wrapping, and without a copy of what travels raw', async () => {
    const { header, bytes } = await encode(tensor, 'f32+deflate', all);
    expect(header).toMatchObject({ codec: 'raw', deflated: true, numBytes: bytes.byteLength });
    expect(Buffer.compare(inflateRawSync(bytes), tensor.bytes)).toBe(0);
    expect((await encode(tensor, 'f32', all)).bytes.buffer).toBe(values.buffer);
  });

  it.each([
    ['an old edge', tensor, new Set<string>()],
    ['an edge that reads other things', tensor, new Set(['brotli'])],
    ['nothing', { ...info, dims: [0], bytes: new Uint8Array() }, all],
  ])('travels raw for %s', async (_, given, known) => {
    for (const codec of CODECS) {
      const { header } = await encode(given, codec, known);
      expect(header).toEqual({
        name: 'h',
        type: 'float32',
        dims: given.dims,
        codec: 'raw',
        numBytes: given.bytes.byteLength,
      });
    }
  });

  it('is not deflated when that gains nothing', async () => {
    const noise = Uint8Array.from({ length: 64 }, (_, i) => (i * 167 + 13) % 251);
    const { header } = await encode({ name: 'n', type: 'uint8', dims: [64], bytes: noise }, 'f32+deflate', all);
    expect(header).toEqual({ name: 'n', type: 'uint8', dims: [64], codec: 'raw', numBytes: 64 });
  });
});

describe('what is expected of a codec', () => {
  it('is exact in bytes where content does not matter', async () => {
    for (const codec of ['f32', 'f16', 'u8'] as const) {
      const { bytes } = await encode(tensor, codec, all);
      expect(profileOf(codec, [info], 'activations').bytesUp).toBe(bytes.byteLength);
    }
  });

  it('counts what stays raw beside what is narrowed', () => {
    const flag: TensorInfo = { name: 'i', type: 'int64', dims: [3] };
    expect(profileOf('u8', [info, flag], 'activations').bytesUp).toBe(5000 + 24);
    expect(narrows('u8', flag)).toBe(false);
  });

  it('takes time where something is done, and none where nothing is', () => {
    expect(profileOf('f32', [info], 'input')).toEqual({ bytesUp: 20_000, encodeMs: 0, decodeMs: 0 });
    // Read back from the GPU, even if nothing more is done.
    expect(profileOf('f32', [info], 'activations').encodeMs).toBeGreaterThan(0);
    const [u8, both] = [profileOf('u8', [info], 'input'), profileOf('u8+deflate', [info], 'input')];
    expect(u8.encodeMs).toBeGreaterThan(0);
    expect(both.encodeMs).toBeGreaterThan(u8.encodeMs);
    expect(both.decodeMs).toBeGreaterThan(u8.decodeMs);
    expect(both.bytesUp).toBeLessThan(u8.bytesUp);
  });
});
