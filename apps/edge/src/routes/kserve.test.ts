import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { brokenModel, echoModel, tinyModel } from '../testing/tiny-models.js';
import { binaryInput, TritonClient } from '../testing/triton-client.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-kserve-'));
let tiny: PreparedModel;
let catalog: MemoryCatalog;
let server: RunningServer;
let client: TritonClient;

/** Two sizes of one model, as buckets of dimensions make them. */
function twoSizes(): PreparedModel {
  const small = echoModel(objectsDir, 2, 'sized');
  const large = echoModel(objectsDir, 3, 'sized');
  const [first] = small.manifest.variants;
  const [second] = large.manifest.variants;
  if (first === undefined || second === undefined) throw new Error('no variants');
  const variants = [
    { ...first, id: 'tensors:x=2' },
    { ...second, id: 'tensors:x=3' },
  ];
  return {
    ...small,
    manifest: { ...small.manifest, variants },
    tables: new Map([...small.tables, ...large.tables]),
  };
}

const start = async (more: Partial<ServerOptions> = {}) =>
  await startServer({ catalog, port: 0, workers: 1, logLevel: 'silent', ...more });

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  catalog = new MemoryCatalog(tiny, brokenModel(objectsDir), echoModel(objectsDir, 100_000), twoSizes());
  const late = { name: 'late', version: '1', description: '' };
  catalog.set({ ...late, status: 'on-demand', reason: 'prepared when it is first asked for' });
  server = await start();
  await server.warmedUp();
});

afterAll(async () => {
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

beforeEach(async () => {
  client = await TritonClient.open(server.url);
});

afterEach(() => client.close());

const floats = (buffer: Buffer | undefined) => new Float32Array(new Uint8Array(buffer ?? []).buffer);
const integers = (buffer: Buffer | undefined) => new BigInt64Array(new Uint8Array(buffer ?? []).buffer);
const MASK = binaryInput('mask', 'UINT8', [3], new Uint8Array([1, 0, 2]));
const X = binaryInput('x', 'FP32', [1, 4], new Float32Array([-1, 0.5, 2, 3]));
const Y = new Float32Array([3, 7, 15, 24]);

describe("Triton's Python client", () => {
  it('puts these bytes on the wire, and gets what onnxruntime gives for the same model', async () => {
    const { status, headers, json, buffers } = await client.infer('tiny', [MASK, X], { id: '7' });
    const body =
      '{"id":"7","inputs":[{"name":"mask","shape":[3],"datatype":"UINT8","parameters":{"binary_data_size":3}},' +
      '{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],' +
      '"parameters":{"binary_data_output":true}}';
    const head =
      'POST /v2/models/tiny/infer HTTP/1.1\r\nUser-Agent: python/gevent-http-client-2.3.4\r\n' +
      `Inference-Header-Content-Length: ${body.length}\r\nHost: 127.0.0.1:${server.port}\r\n` +
      `Content-Length: ${body.length + 19}\r\n\r\n`;
    const tensors = Buffer.concat([MASK.binary ?? Buffer.alloc(0), X.binary ?? Buffer.alloc(0)]);
    expect(client.sent).toEqual(Buffer.concat([Buffer.from(head + body), tensors]));

    const [table] = tiny.tables.values();
    const session = await InferenceSession.create(join(objectsDir, table?.cuts[0]?.tailGraph ?? ''));
    const direct = await session.run({
      mask: new Tensor('uint8', new Uint8Array([1, 0, 2]), [3]),
      x: new Tensor('float32', new Float32Array([-1, 0.5, 2, 3]), [1, 4]),
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(json).toEqual({
      id: '7',
      model_name: 'tiny',
      model_version: '1',
      outputs: [
        { name: 'y', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } },
        { name: 'z', datatype: 'INT64', shape: [1, 4], parameters: { binary_data_size: 32 } },
      ],
    });
    expect(floats(buffers.get('y'))).toEqual(direct.y?.data);
    expect(integers(buffers.get('z'))).toEqual(direct.z?.data);
  });

  it('finds the server, its health, and the model with and without a version', async () => {
    expect(await client.get('/v2')).toMatchObject({
      status: 200,
      json: {
        name: 'cutpoint',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        extensions: ['binary_tensor_data', 'model_repository'],
      },
    });
    expect((await client.get('/v2/health/live')).status).toBe(200);
    expect((await client.get('/v2/health/ready')).status).toBe(200);
    for (const path of ['/v2/models/tiny', '/v2/models/tiny/versions/1']) {
      expect(await client.get(`${path}/ready`)).toMatchObject({ status: 200, json: { name: 'tiny', ready: true } });
      expect(await client.get(path)).toMatchObject({
        status: 200,
        json: {
          name: 'tiny',
          versions: ['1'],
          platform: 'onnxruntime_onnx',
          inputs: [
            { name: 'mask', datatype: 'UINT8', shape: [3] },
            { name: 'x', datatype: 'FP32', shape: [1, 4] },
          ],
          outputs: [
            { name: 'y', datatype: 'FP32', shape: [1, 4] },
            { name: 'z', datatype: 'INT64', shape: [1, 4] },
          ],
        },
      });
    }
    expect((await client.infer('tiny', [MASK, X], { version: '1' })).status).toBe(200);
  });

  it('runs a tail from its crossing tensors, under the name of model and cut', async () => {
    expect((await client.get('/v2/models/tiny%401')).json).toMatchObject({
      name: 'tiny@1',
      inputs: [{ name: 'mask' }, { name: 'h', datatype: 'FP32', shape: [1, 4] }],
    });
    const h = binaryInput('h', 'FP32', [1, 4], new Float32Array([0, 0.5, 2, 3]));
    const { json, buffers } = await client.infer('tiny@1', [h, MASK]);
    expect(json.model_name).toBe('tiny@1');
    expect(floats(buffers.get('y'))).toEqual(Y);
    expect((await client.infer('tiny@1', [MASK, X])).status).toBe(400);
  });

  it('sends and gets tensors as JSON, or some of them, and asks for the outputs that it wants', async () => {
    const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [-1, 0.5, 2, 3] };
    const mask = { name: 'mask', shape: [3], datatype: 'UINT8', data: [1, 0, 2] };
    const asJson = await client.infer('tiny', [mask, x], {
      outputs: [
        { name: 'z', binary: false },
        { name: 'y', binary: false },
      ],
    });
    expect(asJson.headers.get('content-type')).toMatch(/^application\/json/);
    expect(asJson.headers.has('inference-header-content-length')).toBe(false);
    expect(asJson.json.outputs).toEqual([
      { name: 'z', datatype: 'INT64', shape: [1, 4], data: [0, 0, 2, 3] },
      { name: 'y', datatype: 'FP32', shape: [1, 4], data: [...Y] },
    ]);
    const mixed = await client.infer('tiny', [MASK, x], { outputs: [{ name: 'y' }] });
    expect(mixed.json.outputs).toHaveLength(1);
    expect(floats(mixed.buffers.get('y'))).toEqual(Y);
  });

  it.each(['gzip', 'deflate'] as const)('may compress what it sends by %s', async (compression) => {
    const { status, buffers } = await client.infer('tiny', [MASK, X], { compression });
    expect(status).toBe(200);
    expect(floats(buffers.get('y'))).toEqual(Y);
  });

  it('uses any size of a model that has several, and sees which dimensions differ', async () => {
    expect((await client.get('/v2/models/sized')).json).toMatchObject({ inputs: [{ name: 'x', shape: [-1] }] });
    expect((await client.get('/v2/models/sized:tensors%3Ax%3D3')).json).toMatchObject({ inputs: [{ shape: [3] }] });
    for (const values of [new Float32Array([1, 2]), new Float32Array([1, 2, 3])]) {
      const { buffers } = await client.infer('sized', [binaryInput('x', 'FP32', [values.length], values)]);
      expect(floats(buffers.get('y'))).toEqual(values);
    }
    const small = binaryInput('x', 'FP32', [2], new Float32Array([1, 2]));
    expect((await client.infer('sized:tensors:x=3', [small])).json.error).toContain('must be FP32 [3]');
    expect((await client.infer('sized:tensors:x=2@0', [small])).status).toBe(200);
  });

  it('goes on with its socket after an error, whatever that was', async () => {
    expect((await client.infer('tiny', [X])).status).toBe(400);
    expect((await client.infer('broken', [binaryInput('x', 'FP32', [1], new Float32Array(1))])).status).toBe(500);
    expect((await client.infer('nothing', [X])).status).toBe(404);
    expect(floats((await client.infer('tiny', [MASK, X])).buffers.get('y'))).toEqual(Y);
  });
});

describe('an error', () => {
  const post = async (path: string, init: RequestInit) => {
    const response = await fetch(`${server.url}/v2/models/${path}`, { method: 'POST', ...init });
    const body: Record<string, unknown> = JSON.parse(await response.text());
    // The protocol knows this one field.
    expect(Object.keys(body)).toEqual(['error']);
    return { status: response.status, error: String(body.error), headers: response.headers };
  };

  it.each([
    ['an unknown model', 'nothing/infer', {}, 404, 'it has: tiny'],
    ['an unknown version', 'tiny/versions/2/infer', {}, 404, 'version 1 only'],
    ['a cut that is not listed', 'tiny@3/infer', {}, 404, 'no tail at cut 3'],
    ['the local cut, which has no tail', 'tiny@4/infer', {}, 404, 'no tail at cut 4'],
    ['an unknown variant', 'tiny:pixels/infer', {}, 404, 'it has: tensors'],
    ['an address below a model', 'tiny/explain', {}, 404, 'there is nothing at POST'],
    ['no body', 'tiny/infer', {}, 400, 'JSON'],
    ['a body that is no JSON', 'tiny/infer', { body: 'x=1' }, 400, 'JSON'],
    [
      'JSON beyond the body',
      'tiny/infer',
      { body: '{}', headers: { 'inference-header-content-length': '3' } },
      400,
      'has 2 bytes',
    ],
    [
      'a length that is none',
      'tiny/infer',
      { body: '{}', headers: { 'inference-header-content-length': '-1' } },
      400,
      'no whole number',
    ],
    [
      'another compression',
      'tiny/infer',
      { body: '{}', headers: { 'content-encoding': 'br' } },
      415,
      'gzip or deflate',
    ],
    [
      'what is not gzip',
      'tiny/infer',
      { body: '{}', headers: { 'content-encoding': 'gzip' } },
      400,
      'cannot be inflated',
    ],
    [
      'a content type that is none',
      'tiny/infer',
      { body: '{}', headers: { 'content-type': 'x' } },
      415,
      'Unsupported Media Type',
    ],
  ] satisfies [string, string, RequestInit, number, string][])(
    "for %s says so in the protocol's form",
    async (_, path, init, status, says) => {
      const answer = await post(path, init);
      expect(answer.error).toContain(says);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  it('for a model that is not there yet asks for patience, and has it prepared', async () => {
    const ready = await fetch(`${server.url}/v2/models/late/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      name: 'late',
      ready: false,
      error: expect.stringContaining('on-demand'),
    });
    expect(catalog.get('late')?.status).toBe('on-demand');
    const refused = await post('late/infer', { body: '{}' });
    expect(refused).toMatchObject({ status: 503, error: expect.stringContaining('late is preparing') });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${server.url}/v2/models/late`)).status).toBe(503);
  });

  it('tells a page of another site the same', async () => {
    const refused = await post('tiny/infer', { body: '{}', headers: { origin: 'https://evil.example' } });
    expect(refused).toMatchObject({ status: 403, error: expect.stringContaining('evil.example') });
  });
});
