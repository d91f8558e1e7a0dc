import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtocolError, parseCutTable, parseManifest, parseModelList } from '@cutpoint/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { PreparedModel } from '../prepare/prepared.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { brokenModel, echoModel, slowModel, tinyModel } from '../testing/tiny-models.js';
import { type RunningServer, startServer } from './start.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-serve-'));
let tiny: PreparedModel;
let broken: PreparedModel;
let echo: PreparedModel;
let catalog: MemoryCatalog;
let server: RunningServer;
/** One that has a page to serve. */
let paged: RunningServer;

const parseJson = (text: string): Record<string, unknown> => JSON.parse(text);

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  broken = brokenModel(objectsDir);
  echo = echoModel(objectsDir, 100_000);
  catalog = new MemoryCatalog(tiny, broken, echo);
  catalog.set({
    name: 'late',
    version: '1',
    description: 'never done',
    status: 'preparing',
    reason: 'being prepared',
    progress: { stage: 'timing', done: 1, total: 3 },
  });
  const options = { catalog, port: 0, workers: 1, logLevel: 'silent', origins: ['https://app.example'] } as const;
  server = await startServer(options);
  const pageDir = join(objectsDir, 'page');
  mkdirSync(pageDir);
  writeFileSync(join(pageDir, 'index.html'), '<!doctype html>');
  paged = await startServer({ ...options, pageDir });
});

afterAll(async () => {
  await Promise.all([server.stop(), paged.stop()]);
  rmSync(objectsDir, { recursive: true });
});

/** As a browser asks that was told another name of the edge. */
async function answerTo(edge: RunningServer, path: string, host: string): Promise<{ status: number; text: string }> {
  const outgoing = request(`${edge.url}${path}`, { headers: { host } });
  outgoing.end();
  const [incoming]: IncomingMessage[] = await once(outgoing, 'response');
  const text = (await incoming?.setEncoding('utf8').toArray())?.join('') ?? '';
  return { status: incoming?.statusCode ?? 0, text };
}

const x = [-1, 0.5, 2, 3];
const feeds = () => [bytes('mask', [1, 0, 2]), floats('x', [1, 4], x)];

describe('a request', () => {
  it('gives what onnxruntime gives for the same tail', async () => {
    const [table] = tiny.tables.values();
    const graph = join(objectsDir, table?.cuts[0]?.tailGraph ?? '');
    const session = await InferenceSession.create(graph);
    const direct = await session.run({
      mask: new Tensor('uint8', new Uint8Array([1, 0, 2]), [3]),
      x: new Tensor('float32', new Float32Array(x), [1, 4]),
    });

    const client = await TestClient.open(server.url);
    client.infer(7, tiny, 0, feeds());
    const { message, outputs } = await client.result(7);
    expect(outputs.y).toEqual(direct.y?.data);
    expect(outputs.z).toEqual(direct.z?.data);
    expect(outputs.y).toEqual(new Float32Array([3, 7, 15, 24]));
    expect(message.tensors).toEqual([
      { name: 'y', type: 'float32', dims: [1, 4], codec: 'raw', numBytes: 16 },
      { name: 'z', type: 'int64', dims: [1, 4], codec: 'raw', numBytes: 32 },
    ]);
    expect(message.arrivals).toMatchObject({ chunks: 1, numBytes: 0 });
    expect(message.timings.totalMs).toBeGreaterThanOrEqual(message.timings.tailMs);
    expect(message.load.workers).toBe(1);
    client.close();
  });

  it('may begin at any listed cut, and many may be in flight with interleaved chunks', async () => {
    const client = await TestClient.open(server.url);
    client.infer(1, tiny, 1, [bytes('mask', [1, 0, 2]), floats('h', [1, 4], [0, 0.5, 2, 3])]);
    for (let id = 2; id < 8; id += 1) client.infer(id, tiny, 0, feeds());
    for (let id = 1; id < 8; id += 1) {
      expect((await client.result(id)).outputs.y).toEqual(new Float32Array([3, 7, 15, 24]));
    }
    client.close();
  });

  it('of many chunks tells when they arrived, and gets its large result in chunks of at most 64 KiB', async () => {
    const client = await TestClient.open(server.url);
    const values = Float32Array.from({ length: 100_000 }, (_, index) => index);
    client.infer(3, echo, 0, [{ name: 'x', type: 'float32', dims: [100_000], data: values }]);
    const { message, outputs } = await client.result(3);
    const { buffer, byteOffset, byteLength } = outputs.y ?? new Float32Array();
    expect(Buffer.from(buffer, byteOffset, byteLength).equals(Buffer.from(values.buffer))).toBe(true);
    expect(message.arrivals.chunks).toBeGreaterThanOrEqual(8);
    expect(message.arrivals.numBytes).toBeGreaterThan(300_000);
    client.close();
  });

  it('whose tail cannot be opened gets an error, and the edge lives on', async () => {
    const client = await TestClient.open(server.url);
    client.infer(1, broken, 0, [floats('x', [1], [1])]);
    expect(await client.errorOf(1)).toBe('tail_failed');
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
    client.close();
  });

  it('is answered by id: ping, cancel of nothing, and a request after them', async () => {
    const client = await TestClient.open(server.url);
    client.send({ type: 'cancel', id: 99 });
    client.send({ type: 'ping', id: 42 });
    const pong = await client.until(() => client.messages.find(({ type }) => type === 'pong'));
    expect(pong).toEqual({ type: 'pong', id: 42 });
    client.close();
  });
});

describe('documents', () => {
  const fetchJson = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    return { response, body: await response.json() };
  };

  it('lead from the list to the manifest to its tables, graphs and packs, which are what their hashes say', async () => {
    const list = parseModelList((await fetchJson('/v1/models')).body);
    if (list instanceof ProtocolError) throw list;
    expect(list.models.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'tiny ready',
      'broken ready',
      'echo ready',
      'late preparing',
    ]);
    expect(list.models[3]?.progress).toEqual({ stage: 'timing', done: 1, total: 3 });

    const manifest = parseManifest((await fetchJson('/v1/models/tiny/manifest')).body);
    if (manifest instanceof ProtocolError) throw manifest;
    const { response, body } = await fetchJson(`/v1/tables/${manifest.variants[0]?.table}`);
    expect(response.headers.get('cache-control')).toContain('immutable');
    const table = parseCutTable(body);
    if (table instanceof ProtocolError) throw table;

    for (const path of [`/v1/graphs/${table.cuts[0]?.tailGraph}`, `/v1/packs/${manifest.packs[0]?.sha256}`]) {
      const response = await fetch(`${server.url}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toContain('immutable');
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
      expect(path.endsWith(Buffer.from(digest).toString('hex'))).toBe(true);
    }
  });

  it('come compressed, in part, or not at all when the client has them', async () => {
    const gzip = await fetch(`${server.url}/v1/models/tiny/manifest`, { headers: { 'accept-encoding': 'gzip' } });
    expect(gzip.headers.get('content-encoding')).toBe('gzip');
    const etag = gzip.headers.get('etag') ?? '';
    expect(parseManifest(await gzip.json())).toEqual(tiny.manifest);
    const again = await fetch(`${server.url}/v1/models/tiny/manifest`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
    const [pack] = tiny.manifest.packs;
    const part = await fetch(`${server.url}/v1/packs/${pack?.sha256}`, { headers: { range: 'bytes=4-7' } });
    expect(part.status).toBe(206);
    expect(new Float32Array(await part.arrayBuffer())).toEqual(new Float32Array([2]));
  });

  it.each([
    ['/v1/models/nothing/manifest', 404, 'unknown_model'],
    [`/v1/packs/${'0'.repeat(64)}`, 404, 'unknown_object'],
    ['/v1/graphs/..%2F..%2Fetc%2Fpasswd', 404, 'unknown_object'],
    ['/v1/nothing', 404, 'not_found'],
    ['/v1/stream', 426, 'upgrade_required'],
    ['/', 404, 'no_page'],
  ])('that are not there: %s says %d %s', async (path, status, code) => {
    const { response, body } = await fetchJson(path);
    expect(response.status).toBe(status);
    expect(body).toMatchObject({ code });
  });

  it.each([
    ['/v1/models/%zz/manifest', 400, 'bad_request'],
    ['/../../etc/passwd', 404, 'not_found'],
    ['/..%2f..%2fetc/passwd', 404, 'not_found'],
  ])('behind an address that is no good: %s says %d %s, as every error is said', async (path, status, code) => {
    // `fetch` would tidy the address first.
    for (const url of [server.url, paged.url]) {
      const outgoing = request(url, { path, headers: { origin: 'https://app.example' } });
      outgoing.end();
      const [incoming]: IncomingMessage[] = await once(outgoing, 'response');
      const text = (await incoming?.setEncoding('utf8').toArray())?.join('') ?? '';
      expect(incoming?.statusCode).toBe(status);
      expect(Object.keys(parseJson(text))).toEqual(['code', 'message']);
      expect(parseJson(text).code).toBe(code);
      expect(incoming?.headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('include a tail only under the kind that it is', async () => {
    const [pack] = tiny.manifest.packs;
    expect((await fetch(`${server.url}/v1/graphs/${pack?.sha256}`)).status).toBe(404);
  });
});

describe('an upload over HTTP', () => {
  it.each([
    ['nothing', 0, 404],
    ['a few bytes', 10, 404],
    ['500 MB', 500_000_000, 413],
  ])('of %s gets a clear error and is not kept', async (_, length, status) => {
    const before = process.memoryUsage().rss;
    const answer = await upload(length);
    expect(answer).toMatchObject({ status, body: { code: status === 413 ? 'body_too_large' : 'not_found' } });
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
  });

  it('that only says how large it is gets its answer at once', async () => {
    const status = await new Promise((resolve) => {
      const upload = request(`${server.url}/v1/models`, { headers: { 'content-length': '500000000' } });
      upload.on('response', (response) => {
        resolve(response.statusCode);
        upload.destroy();
      });
      upload.on('error', resolve);
      upload.flushHeaders();
    });
    expect(status).toBe(413);
  });
});

/** Sends as much as the edge takes until it has answered. */
async function upload(length: number): Promise<{ status: number | undefined; body: unknown }> {
  const outgoing = request(`${server.url}/v1/nothing`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': length },
  });
  const answered = once(outgoing, 'response');
  const block = new Uint8Array(1 << 20);
  let left = length;
  const write = () => {
    while (left > 0 && !outgoing.destroyed) {
      const size = Math.min(left, block.byteLength);
      left -= size;
      if (!outgoing.write(block.subarray(0, size))) return outgoing.once('drain', write);
    }
    return outgoing.end();
  };
  write();
  const [incoming]: IncomingMessage[] = await answered;
  const body = JSON.parse(String((await incoming?.setEncoding('utf8').toArray())?.join('')));
  outgoing.destroy();
  return { status: incoming?.statusCode, body };
}

describe('health', () => {
  it('is live, and ready only when every model is settled and one at least can be served', async () => {
    const ready = async () => await fetch(`${server.url}/v2/health/ready`);
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
    const before = await ready();
    expect(before.status).toBe(503);
    expect(await before.json()).toMatchObject({ ready: false, reason: 'being prepared: late' });
    const entry = catalog.get('late');
    if (entry === undefined) throw new Error('no entry');
    catalog.set({ ...entry, status: 'failed', reason: 'no ONNX file' });
    expect((await ready()).status).toBe(200);
    catalog.set(entry);
  });

  it('is ready when the first tails are open on every worker, and stays so when a model is added', async () => {
    const own = new MemoryCatalog(slowModel(objectsDir, 'slow', 200));
    const edge = await startServer({ catalog: own, port: 0, workers: 2, logLevel: 'silent' });
    const ready = async () => await (await fetch(`${edge.url}/v2/health/ready`)).json();
    try {
      expect(await ready()).toMatchObject({ ready: false, reason: expect.stringContaining('tails') });
      await edge.warmedUp();
      expect(await ready()).toEqual({ ready: true });
      own.ready(slowModel(objectsDir, 'slower', 300));
      expect(await ready()).toEqual({ ready: true });
    } finally {
      await edge.stop();
    }
  });

  it('does not wait for models that are prepared when somebody asks for them', async () => {
    const lazy = { name: 'lazy', version: '1', description: 'd', onDemand: true, untrained: true };
    const onDemand = new MemoryCatalog();
    onDemand.set({ ...lazy, status: 'on-demand' });
    const edge = await startServer({ catalog: onDemand, port: 0, workers: 1, logLevel: 'silent' });
    const get = async (path: string) => await fetch(`${edge.url}/${path}`);
    try {
      expect((await get('v2/health/ready')).status).toBe(200);
      const listed = { name: 'lazy', version: '1', description: 'd', untrained: true };
      expect(await (await get('v1/models')).json()).toEqual({ models: [{ ...listed, status: 'on-demand' }] });
      const accepted = await get('v1/models/lazy/manifest');
      expect(accepted.status).toBe(202);
      expect(accepted.headers.get('retry-after')).toBe('1');
      expect(await accepted.json()).toMatchObject({ ...listed, status: 'preparing' });
      expect((await get('v2/models/lazy/ready')).status).toBe(503);
      expect(await (await get('v1/models')).json()).toMatchObject({ models: [{ ...listed, status: 'preparing' }] });
      expect((await get('v2/health/ready')).status).toBe(200);
    } finally {
      await edge.stop();
    }
  });
});

describe('pages', () => {
  const open = (headers: Record<string, string>, protocols = ['cutpoint.v1']) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream`, protocols, { headers });
      socket.on('open', () => {
        socket.close();
        resolve(101);
      });
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
      socket.on('error', () => undefined);
    });

  it('of the edge itself and of listed origins may connect, and programs, which name none', async () => {
    expect(await open({})).toBe(101);
    expect(await open({ origin: server.url })).toBe(101);
    expect(await open({ origin: 'https://app.example' })).toBe(101);
  });

  it('of other origins may not, whatever name they reach the edge by', async () => {
    expect(await open({ origin: 'https://evil.example' })).toBe(403);
    expect(await open({ origin: 'null' })).toBe(403);
    expect(await open({ origin: `http://evil.example:${server.port}`, host: `evil.example:${server.port}` })).toBe(403);
    const response = await fetch(`${server.url}/v1/models`, { headers: { origin: 'https://evil.example' } });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'origin_not_allowed' });
  });

  it('whose own name was made to point here get nothing, though their GETs name no origin', async () => {
    const host = `evil.example:${server.port}`;
    for (const path of ['/v1/models', '/v1/load', '/', '/healthz', '/metrics', '/v2/models/tiny']) {
      expect((await answerTo(server, path, host)).status).toBe(421);
    }
    expect(await open({ host })).toBe(421);
    expect((await answerTo(server, '/v1/models', host)).text).toContain('unknown_host');
    for (const known of ['localhost', `127.0.0.1:${server.port}`, '[::1]:80', 'app.example', 'APP.example:443']) {
      expect((await answerTo(server, '/v1/models', known)).status).toBe(200);
    }
  });

  it('without an origin of their own are told what to do about it', async () => {
    const response = await fetch(`${server.url}/v1/models`, { headers: { origin: 'null' } });
    expect(response.status).toBe(403);
    const { message } = parseJson(await response.text());
    expect(message).toContain('serve it over http');
    expect(message).not.toContain('--origin null');
  });

  const preflight = (path: string, headers: Record<string, string>) =>
    fetch(`${server.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
        ...headers,
      },
    });

  it('of listed origins may send a token: their preflights are answered', async () => {
    for (const path of ['/v1/models', '/v1/models/tiny/manifest', '/v2/health/ready']) {
      const { status, headers } = await preflight(path, { origin: 'https://app.example' });
      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(headers.get('access-control-allow-headers')).toBe(
        'authorization, content-type, content-encoding, inference-header-content-length, range, traceparent, tracestate',
      );
      expect(headers.get('access-control-allow-methods')).toContain('GET');
      expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0);
      expect(headers.get('vary')).toBe('origin');
    }
    expect((await preflight('/v1/models', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await preflight('/', { origin: 'https://app.example' })).status).toBe(404);
  });

  it('of listed origins get packs that an isolated page may read, and caches keep them apart', async () => {
    const [pack] = tiny.manifest.packs;
    const path = `${server.url}/v1/packs/${pack?.sha256}`;
    const { headers } = await fetch(path, { headers: { origin: 'https://app.example', authorization: 'Bearer t' } });
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(headers.get('vary')).toContain('origin');
    const own = await fetch(path);
    expect(own.headers.get('access-control-allow-origin')).toBeNull();
    expect(own.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(own.headers.get('vary')).toContain('origin');
    const manifest = await fetch(`${server.url}/v1/models/tiny/manifest`, { headers: { 'accept-encoding': 'gzip' } });
    expect(manifest.headers.get('vary')).toBe('origin, accept-encoding');
  });

  it('and programs beyond the number that the edge takes are refused, until one of them is gone', async () => {
    const small = await startServer({ catalog, port: 0, workers: 1, logLevel: 'silent', maxConnections: 1 });
    const first = await TestClient.open(small.url);
    const refused = await new Promise<IncomingMessage>((resolve) => {
      const second = new WebSocket(`${small.url.replace('http', 'ws')}/v1/stream`, ['cutpoint.v1']);
      second.on('unexpected-response', (_, response) => resolve(response));
      second.on('error', () => undefined);
    });
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');
    const said = (await refused.setEncoding('utf8').toArray()).join('');
    expect(parseJson(said).code).toBe('too_many_connections');
    first.close();
    await once(first.socket, 'close');
    await vi.waitFor(async () => (await TestClient.open(small.url)).close());
    await small.stop();
  });

  it('must speak the subprotocol', async () => {
    expect(await open({}, ['something.else'])).toBe(400);
    expect(await open({}, [])).toBe(400);
  });

  it('are isolated, and may run WebAssembly but no evaluated script', async () => {
    const { headers } = await fetch(`${server.url}/v1/models`);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).not.toContain("'unsafe-eval'");
    const listed = await fetch(`${server.url}/v1/models`, { headers: { origin: 'https://app.example' } });
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example');
  });
});
