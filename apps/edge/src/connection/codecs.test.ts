import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { chunksOf, type EncodedTensor, encodeTensor, gather, TENSOR_CODECS, type TensorData } from '@cutpoint/protocol';
import { encode as encodeJpeg } from 'jpeg-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { echoModel, pictureModel, tinyModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-codecs-'));
const NUM_VALUES = 4096;
const [HEIGHT, WIDTH] = [24, 40];
let tiny: PreparedModel;
let echo: PreparedModel;
let picture: PreparedModel;
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  echo = echoModel(objectsDir, NUM_VALUES, 'echo');
  picture = pictureModel(objectsDir, HEIGHT, WIDTH);
  server = await startServer({
    catalog: new MemoryCatalog(tiny, echo, picture),
    port: 0,
    workers: 1,
    logLevel: 'silent',
  });
  client = await TestClient.open(server.url);
});

afterAll(async () => {
  client.close();
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

let lastId = 0;
const send = (model: PreparedModel, encoded: readonly EncodedTensor[]): number => {
  lastId += 1;
  const { parts, ...headers } = gather(encoded);
  const [table = ''] = model.tables.keys();
  client.send({ type: 'infer', id: lastId, model: model.manifest.model, table, cut: 0, ...headers });
  for (const frame of chunksOf(lastId, parts)) client.socket.send(frame);
  return lastId;
};

const deflated = ({ header, bytes }: EncodedTensor): EncodedTensor =>
  withBytes({ header, bytes }, deflateRawSync(bytes));
const withBytes = ({ header }: EncodedTensor, bytes: Uint8Array): EncodedTensor => ({
  header: { ...header, deflated: true, numBytes: bytes.byteLength },
  bytes,
});

const values = Float32Array.from({ length: NUM_VALUES }, (_, i) => Math.max(0, Math.sin(i * 0.37) * 9));
const wave: TensorData = { name: 'x', type: 'float32', dims: [NUM_VALUES], data: values };
const rgb = Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => 128 + 100 * Math.sin(i / 400));
const pixels = encodeTensor({ name: 'image', type: 'uint8', dims: [HEIGHT, WIDTH, 3], data: rgb }, 'raw');

const asPicture = (codec: 'jpeg' | 'webp', bytes: Uint8Array): EncodedTensor => ({
  header: { ...pixels.header, codec, numBytes: bytes.byteLength },
  bytes,
});

function jpegOf(height: number, width: number): Uint8Array {
  const rgba = new Uint8Array(height * width * 4).fill(255);
  for (let pixel = 0; pixel < height * width; pixel++) rgba.set(rgb.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
  return encodeJpeg({ data: rgba, width, height }, 95).data;
}

function largestGap(a: ArrayLike<number> | undefined, b: ArrayLike<number>): number {
  if (a?.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(b, (x, i) => Math.abs(x - (a[i] ?? Number.NaN))));
}

describe('an edge', () => {
  it('says what it reads', () => {
    expect(client.messages[0]).toMatchObject({ type: 'welcome', codecs: [...TENSOR_CODECS] });
  });

  it.each([
    ['raw', 0],
    ['f16', 9 * 2 ** -11],
    ['u8', (9 / 255) * 0.5001],
  ] as const)('runs the tail on %s, deflated or not', async (codec, tolerance) => {
    const encoded = encodeTensor(wave, codec);
    expect(encoded.header.codec).toBe(codec);
    const plain = await client.result(send(echo, [encoded]));
    expect(largestGap(plain.outputs.y as Float32Array, values)).toBeLessThanOrEqual(tolerance);
    const packed = await client.result(send(echo, [deflated(encoded)]));
    expect(packed.outputs.y).toEqual(plain.outputs.y);
    expect(packed.message.timings.decodeMs).toBeGreaterThan(0);
  });

  it('takes tensors of several codecs, wherever they begin', async () => {
    const mask = encodeTensor(bytes('mask', [0, 0, 0]), 'u8');
    const x = encodeTensor(floats('x', [1, 4], [1, 2, 3, 4]), 'f16');
    expect((await client.result(send(tiny, [mask, x]))).outputs.y).toEqual(new Float32Array([1, 4, 9, 16]));
  });

  it('decodes a JPEG as it is', async () => {
    const { outputs } = await client.result(send(picture, [asPicture('jpeg', jpegOf(HEIGHT, WIDTH))]));
    expect(largestGap(outputs.y as Float32Array, rgb)).toBeLessThan(12);
  });

  it('decodes a WebP as it is', async () => {
    const { outputs } = await client.result(send(picture, [asPicture('webp', await webpOf(HEIGHT, WIDTH))]));
    expect(largestGap(outputs.y as Float32Array, rgb)).toBeLessThan(12);
  });
});

describe('bytes that are not what their header says are refused as bad_tensors, and the connection goes on:', () => {
  const u8 = encodeTensor(wave, 'u8');
  const whole = deflateRawSync(u8.bytes);
  const jpeg = jpegOf(HEIGHT, WIDTH);
  const withScans = (count: number) => {
    const scans = new Uint8Array(count * 2).map((_, i) => (i % 2 === 0 ? 0xff : 0xda));
    return Buffer.concat([jpeg.subarray(0, -2), scans, jpeg.subarray(-2)]);
  };
  const cases: [string, () => PreparedModel, EncodedTensor][] = [
    ['a bomb', () => echo, withBytes(u8, deflateRawSync(new Uint8Array(3_000_000)))],
    ['one byte too many', () => echo, withBytes(u8, deflateRawSync(new Uint8Array(NUM_VALUES + 1)))],
    ['one byte too few', () => echo, withBytes(u8, deflateRawSync(new Uint8Array(NUM_VALUES - 1)))],
    ['an end that is missing', () => echo, withBytes(u8, whole.subarray(0, whole.length >> 1))],
    ['noise', () => echo, withBytes(u8, new Uint8Array(100).fill(0xff))],
    ['a smaller picture', () => picture, asPicture('jpeg', jpegOf(HEIGHT - 8, WIDTH))],
    ['a picture on its side', () => picture, asPicture('jpeg', jpegOf(WIDTH, HEIGHT))],
    ['half a picture', () => picture, asPicture('jpeg', jpeg.subarray(0, jpeg.length >> 1))],
    ['a picture of a thousand scans', () => picture, asPicture('jpeg', withScans(500))],
    ['a picture of another kind', () => picture, asPicture('webp', jpeg)],
    ['a few bytes', () => picture, asPicture('jpeg', new Uint8Array([0xff, 0xd8, 0xff, 0xd9]))],
  ];

  it.each(cases)('%s', async (_, model, encoded) => {
    expect(await client.errorOf(send(model(), [encoded]))).toBe('bad_tensors');
    await client.result(send(echo, [u8]));
  });

  it('a picture that breaks inside, and the next one is decoded', async () => {
    const broken = Uint8Array.from(jpeg);
    // The Huffman tables name themselves in their first byte: there is no such table.
    const tables = broken.findIndex((byte, i) => byte === 0xff && broken[i + 1] === 0xc4);
    broken[tables + 4] = 0x0f;
    expect(await client.errorOf(send(picture, [asPicture('jpeg', broken)]))).toBe('bad_tensors');
    await client.result(send(picture, [asPicture('jpeg', jpeg)]));
  });

  it('headers that cannot be, before a byte is sent', async () => {
    const impossible = { ...u8.header, deflated: true, numBytes: NUM_VALUES + 1 };
    const empty = new Uint8Array(NUM_VALUES + 1);
    expect(await client.errorOf(send(echo, [{ header: impossible, bytes: empty }]))).toBe('bad_tensors');
  });
});

/** By the encoder that belongs to the decoder under test: there is no browser here. */
async function webpOf(height: number, width: number): Promise<Uint8Array> {
  const file = '@jsquash/webp/codec/enc/webp_enc.js';
  const { default: factory } = (await import(file)) as {
    default: (options: object) => Promise<{ encode(data: Uint8Array, w: number, h: number, o: object): Uint8Array }>;
  };
  const wasmBinary = readFileSync(createRequire(import.meta.url).resolve(file.replace('.js', '.wasm')));
  const { defaultOptions } = (await import('@jsquash/webp/meta.js')) as unknown as { defaultOptions: object };
  const rgba = new Uint8Array(height * width * 4).fill(255);
  for (let pixel = 0; pixel < height * width; pixel++) rgba.set(rgb.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
  const encoder = await factory({ noInitialRun: true, wasmBinary });
  return encoder.encode(rgba, width, height, { ...defaultOptions, quality: 90 });
}
