import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeTensor } from '@cutpoint/onnx';
import type { Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { readModelFile } from './model-file.js';
import { fromOrt, toOrt } from './tensors.js';

const dir = mkdtempSync(join(tmpdir(), 'cutpoint-ort-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bufferOf = (tensor: Tensor | undefined): unknown =>
  ArrayBuffer.isView(tensor?.data) ? tensor.data.buffer : undefined;

describe('tensors', () => {
  test('are views where the bytes are aligned, and copies where they are not', () => {
    const buffer = new ArrayBuffer(20);
    const bytes = (offset: number): RuntimeTensor => ({
      type: 'float32',
      dims: [2],
      bytes: new Uint8Array(buffer, offset, 8),
    });
    new Float32Array(buffer, 4, 2).set([1.5, 2.5]);
    const { aligned, shifted } = toOrt({ aligned: bytes(4), shifted: bytes(3) });
    expect(aligned?.data).toEqual(new Float32Array([1.5, 2.5]));
    expect(bufferOf(aligned)).toBe(buffer);
    expect(bufferOf(shifted)).not.toBe(buffer);
  });

  test('of every type come back as they went', () => {
    const given: Record<string, RuntimeTensor> = {
      half: { type: 'float16', dims: [2], bytes: Uint8Array.of(0, 0x3c, 0, 0x40) },
      long: { type: 'int64', dims: [], bytes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0x80) },
      flag: { type: 'bool', dims: [3], bytes: Uint8Array.of(1, 0, 1) },
      pixel: { type: 'uint8', dims: [1, 2], bytes: Uint8Array.of(7, 255) },
      words: { type: 'string', dims: [2], bytes: new Uint8Array(), strings: ['a', 'b'] },
    };
    const back = fromOrt(toOrt(given));
    for (const [name, tensor] of Object.entries(given)) {
      expect({ ...back[name], dims: [...(back[name]?.dims ?? [])] }).toEqual(tensor);
    }
  });
});

describe('weights beside a model', () => {
  test('are read from its folder and from nowhere else', async () => {
    mkdirSync(join(dir, 'model/weights'), { recursive: true });
    writeFileSync(join(dir, 'model/net.onnx'), 'a model');
    writeFileSync(join(dir, 'model/weights/w.bin'), 'weights');
    writeFileSync(join(dir, 'secret'), 'not for models');
    const { externalData } = await readModelFile(join(dir, 'model/net.onnx'));
    expect(Buffer.from(externalData('weights/w.bin') ?? []).toString()).toBe('weights');
    expect(externalData('weights/w.bin')).toBe(externalData('weights/w.bin'));
    for (const path of ['../secret', 'weights/../../secret', join(dir, 'secret'), 'nothing']) {
      expect(externalData(path), path).toBeUndefined();
    }
  });

  test('a model that is not there is an error with a code', async () => {
    await expect(readModelFile(join(dir, 'nothing.onnx'))).rejects.toMatchObject({ code: 'not_onnx' });
  });
});
