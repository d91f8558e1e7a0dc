import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseEdgeMessage } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { floats, TestClient } from '../testing/test-client.js';
import { echoModel, slowModel, tinyModel } from '../testing/tiny-models.js';
import { binaryInput, TritonClient } from '../testing/triton-client.js';

/** What the edge does when it has too much to do, and when its clients misbehave. */

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-kserve-load-'));
const MAX_REQUEST_BYTES = 4_000_000;
const NUMBERS = 1_000_000;
let slow: PreparedModel;
let catalog: MemoryCatalog;
let server: RunningServer;
let clients: TritonClient[] = [];

const start = async (more: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  await startServer({
    catalog,
    port: 0,
    workers: 1,
    maxQueue: 2,
    maxRequestBytes: MAX_REQUEST_BYTES,
    maxUploadBytes: 4 * MAX_REQUEST_BYTES,
    uploadIdleMs: 300,
    canary: false,
    logLevel: 'silent',
    ...more,
  });

beforeAll(async () => {
  slow = slowModel(objectsDir, 'slow', 3_000);
  catalog = new MemoryCatalog(
    slow,
    tinyModel(objectsDir),
    echoModel(objectsDir, NUMBERS),
    echoModel(objectsDir, 50_000, 'list'),
  );
  server = await start();
  await server.warmedUp();
});

afterAll(async () => {
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});

async function open(edge = server): Promise<TritonClient> {
  const client = await TritonClient.open(edge.url);
  clients.push(client);
  return client;
}

const X = binaryInput('x', 'FP32', [1], new Float32Array(1));
const MASK = binaryInput('mask', 'UINT8', [3], new Uint8Array([0, 0, 0]));
const X4 = binaryInput('x', 'FP32', [1, 4], new Float32Array([1, 2, 3, 4]));

/** Has the one worker of an edge run something for some hundred ms, and so many wait behind it. */
async function keepBusy(waiting: number, edge = server): Promise<Promise<number>[]> {
  const answers: Promise<number>[] = [];
  for (let index = 0; index <= waiting; index += 1) {
    const client = await open(edge);
    answers.push(client.infer('slow', [X]).then(({ status }) => status));
    await vi.waitFor(() => expect(edge.load().inFlight + edge.load().queueDepth).toBe(index + 1));
  }
  return answers;
}

async function expectAlive(edge = server): Promise<void> {
  const client = await open(edge);
  expect((await client.infer('tiny', [MASK, X4])).status).toBe(200);
}

describe('requests over HTTP and over the WebSocket', () => {
  it('wait in one queue, and are told when it is full, at once and with a time to come back', async () => {
    const busy = await keepBusy(1);
    const socket = await TestClient.open(server.url);
    socket.infer(1, slow, 0, [floats('x', [1], [0])]);
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(2));

    const client = await open();
    const startedAt = performance.now();
    const refused = await client.infer('tiny', [MASK, X4]);
    expect(performance.now() - startedAt).toBeLessThan(100);
    expect(refused.status).toBe(503);
    expect(refused.json).toEqual({ error: expect.stringContaining('2 requests are waiting') });
    expect(refused.headers.get('cutpoint-code')).toBe('overloaded');
    // A report as they are over the WebSocket.
    const said = parseEdgeMessage(`{"type":"load","load":${refused.headers.get('cutpoint-load')}}`);
    expect(said).toMatchObject({ load: { queueDepth: 2, inFlight: 1, k: { tiny: expect.any(Number) } } });
    // Two of some hundred ms by their profile.
    expect(Number(refused.headers.get('cutpoint-retry-after-ms'))).toBeGreaterThan(100);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    socket.infer(2, slow, 0, [floats('x', [1], [0])]);
    expect(await socket.errorOf(2)).toBe('overloaded');

    expect(await Promise.all(busy)).toEqual([200, 200]);
    await socket.result(1);
    socket.close();
    expect((await client.infer('tiny', [MASK, X4])).status).toBe(200);
  });

  it('are dropped when their time is over before they could be done', async () => {
    const busy = await keepBusy(1);
    const client = await open();
    const late = await client.infer('tiny', [MASK, X4], { timeout: 20_000 });
    expect(late.status).toBe(504);
    expect(late.json.error).toContain('deadline');
    expect(await Promise.all(busy)).toEqual([200, 200]);
    expect((await client.infer('tiny', [MASK, X4], { timeout: 10_000_000 })).status).toBe(200);
  });

  it('leave the queue when their client is gone', async () => {
    const [running] = await keepBusy(0);
    const client = await open();
    void client.infer('slow', [X]).catch(() => undefined);
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(1));
    client.close();
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(0));
    expect(await running).toBe(200);
    await expectAlive();
  });

  it('move k, and the next report says so', async () => {
    await keepBusy(0).then((answers) => Promise.all(answers));
    expect(server.load().k.slow).toBeGreaterThan(0);
    expect(server.load().k.slow).not.toBe(1);
  });
});

/** Begins an upload and leaves it to the test to go on. */
function begin(path: string, headers: Record<string, string | number> = {}, edge = server): ClientRequest {
  const outgoing = request(`${edge.url}/v2/models/${path}`, { method: 'POST', headers });
  outgoing.on('error', () => undefined);
  outgoing.flushHeaders();
  return outgoing;
}

async function answerTo(outgoing: ClientRequest): Promise<{ status: number | undefined; error: string }> {
  const [incoming]: IncomingMessage[] = await once(outgoing, 'response');
  const text = (await incoming?.setEncoding('utf8').toArray())?.join('') ?? '';
  return { status: incoming?.statusCode, error: JSON.parse(text).error };
}

describe('a body', () => {
  it('that says it is too large is refused before a byte of it has come', async () => {
    const outgoing = begin('echo/infer', { 'content-length': MAX_REQUEST_BYTES + 1_000_000 });
    expect(await answerTo(outgoing)).toMatchObject({ status: 413, error: expect.stringContaining('at most') });
    outgoing.destroy();
    await expectAlive();
  });

  it('that does not say is read no further than the limit', async () => {
    const outgoing = begin('echo/infer', { 'inference-header-content-length': 100 });
    const answer = answerTo(outgoing);
    for (let sent = 0; sent <= MAX_REQUEST_BYTES + 70_000; sent += 65_536) outgoing.write(Buffer.alloc(65_536, 32));
    expect((await answer).status).toBe(413);
    outgoing.destroy();
    await expectAlive();
  });

  it('that inflates beyond the limit is refused, and never held', async () => {
    const bomb = gzipSync(Buffer.alloc(400_000_000));
    expect(bomb.byteLength).toBeLessThan(MAX_REQUEST_BYTES);
    const before = process.memoryUsage().rss;
    const response = await fetch(`${server.url}/v2/models/echo/infer`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', 'inference-header-content-length': '100' },
      body: new Uint8Array(bomb),
    });
    expect(response.status).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    await expectAlive();
  });

  it('that ends in the middle of its compressed data is refused', async () => {
    const half = gzipSync(Buffer.from('{"inputs":[]}')).subarray(0, 20);
    const init = { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: new Uint8Array(half) };
    expect((await fetch(`${server.url}/v2/models/echo/infer`, init)).status).toBe(400);
  });

  it('of which nothing more comes is given up, and its place and memory are free again', async () => {
    const outgoing = begin('echo/infer', { 'content-length': 1_000_000 });
    const answer = answerTo(outgoing);
    outgoing.write('{');
    await vi.waitFor(() => expect(server.load().announcedMs).toBeGreaterThan(0));
    expect(await answer).toMatchObject({ status: 408, error: expect.stringContaining('300 ms') });
    await vi.waitFor(() => expect(server.load().announcedMs).toBe(0));
  });

  it('that keeps coming, and is not whole when its time is over, is given up too', async () => {
    const edge = await start({ uploadMs: 500 });
    const outgoing = begin('echo/infer', { 'inference-header-content-length': 100 }, edge);
    const answer = answerTo(outgoing);
    const drip = setInterval(() => outgoing.write(' '), 50);
    expect(await answer).toMatchObject({ status: 408, error: expect.stringContaining('after 500 ms') });
    clearInterval(drip);
    outgoing.destroy();
    await edge.stop();
  });

  it('has as much room as the inputs of its model need, and no more', async () => {
    // Enough for another model, a million times too much for this one.
    const said = begin('tiny/infer', { 'content-length': 1_000_000, 'inference-header-content-length': 300 });
    expect(await answerTo(said)).toMatchObject({ status: 413, error: expect.stringContaining('at most 319 bytes') });
    const unsaid = begin('tiny/infer');
    const answer = answerTo(unsaid);
    for (let sent = 0; sent < 80_000; sent += 16_000) unsaid.write(Buffer.alloc(16_000, 32));
    expect(await answer).toMatchObject({ status: 413, error: expect.stringContaining('binary data') });
    for (const outgoing of [said, unsaid]) outgoing.destroy();
    const pretty = JSON.stringify(
      { inputs: [{ name: 'x', datatype: 'FP32', shape: [50_000], data: Array(50_000).fill(-1.2345678806304932) }] },
      undefined,
      8,
    );
    const response = await fetch(`${server.url}/v2/models/list/infer`, { method: 'POST', body: pretty });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });

  it('whose client vanishes half way leaves nothing behind', async () => {
    for (let round = 0; round < 20; round += 1) {
      const outgoing = begin('echo/infer', { 'content-length': MAX_REQUEST_BYTES });
      outgoing.write(Buffer.alloc(1_000_000));
      await vi.waitFor(() => expect(server.load().announcedMs).toBeGreaterThan(0));
      outgoing.destroy();
      await vi.waitFor(() => expect(server.load().announcedMs).toBe(0));
    }
    // 20 MB would be beyond what all uploads may hold.
    await expectAlive();
  });

  it('beyond what all may hold is refused, until the others are done', async () => {
    const edge = await start({ maxUploadBytes: MAX_REQUEST_BYTES, uploadIdleMs: 5_000, trustProxy: ['127.0.0.1'] });
    const client = await open(edge);
    const list = binaryInput('x', 'FP32', [50_000], new Float32Array(50_000));
    expect((await client.infer('list', [list])).status).toBe(200);
    const other = { 'x-forwarded-for': '198.51.100.1' };
    const upload = begin('echo/infer', { 'content-length': MAX_REQUEST_BYTES, ...other }, edge);
    await vi.waitFor(() => expect(edge.load().announcedMs).toBeGreaterThan(0));
    const refused = await client.infer('list', [list]);
    expect(refused.status).toBe(503);
    expect(refused.json.error).toContain('too many bytes');
    expect(refused.headers.has('retry-after')).toBe(true);
    upload.destroy();
    await vi.waitFor(async () => expect((await client.infer('list', [list])).status).toBe(200));
    await edge.stop();
  });

  it('of a client that sends one request after another without waiting counts against its limit', async () => {
    const edge = await start({ maxInFlight: 1, maxQueue: 8 });
    const client = await open(edge);
    const first = client.infer('slow', [X]);
    const { sent } = client;
    client.write(sent);
    expect((await first).status).toBe(200);
    expect((await client.answer()).status).toBe(429);
    await edge.stop();
  });
});

describe('a client', () => {
  it('has one limit on what is unanswered, over HTTP and over its WebSockets', async () => {
    const edge = await start({ maxInFlightPerClient: 2, maxQueue: 8 });
    await edge.warmedUp();
    const socket = await TestClient.open(edge.url);
    const [over] = await keepBusy(0, edge);
    socket.infer(1, slow, 0, [floats('x', [1], [0])]);
    await vi.waitFor(() => expect(edge.load().queueDepth).toBe(1));
    const client = await open(edge);
    const refused = await client.infer('tiny', [MASK, X4]);
    expect(refused).toMatchObject({ status: 429, json: { error: expect.stringContaining('of this client') } });
    expect(refused.headers.has('retry-after')).toBe(true);
    socket.infer(2, slow, 0, [floats('x', [1], [0])]);
    expect(await socket.errorOf(2)).toBe('too_many_in_flight');
    expect(await over).toBe(200);
    await socket.result(1);
    socket.close();
    // Nothing stays counted.
    for (let again = 0; again < 4; again += 1) expect((await client.infer('tiny', [MASK, X4])).status).toBe(200);
    await edge.stop();
  });

  it('that sends more requests in a second than one may is told when to come back', async () => {
    const edge = await start({ maxRequestsPerS: 3 });
    const client = await open(edge);
    const statuses: number[] = [];
    let last = await client.infer('tiny', [MASK, X4]);
    for (; last.status === 200 && statuses.length < 10; last = await client.infer('tiny', [MASK, X4])) {
      statuses.push(last.status);
    }
    expect(last.status).toBe(429);
    expect(last.json).toEqual({ error: expect.stringContaining('3 requests') });
    expect(last.headers.has('retry-after')).toBe(true);
    await edge.stop();
  });
});

describe('an answer', () => {
  it('of which nothing is read for too long is given up, and what it held is free again', async () => {
    const numbers = 4_000_000;
    const huge = echoModel(objectsDir, numbers, 'huge');
    const catalog = new MemoryCatalog(huge, tinyModel(objectsDir));
    const edge = await start({ catalog, stallMs: 300, maxRequestBytes: 4 * numbers, maxUploadBytes: 64 * numbers });
    const held = async () => {
      const text = await (await fetch(`${edge.url}/metrics`)).text();
      return Number(/^cutpoint_held_payload_bytes (\d+)$/m.exec(text)?.[1]);
    };
    // Nothing is read of a response that nobody listens to, but for what the sockets take.
    const [json, values] = [{ name: 'x', datatype: 'FP32', shape: [numbers] }, new Float32Array(numbers).fill(1 / 3)];
    const head = JSON.stringify({
      inputs: [{ ...json, parameters: { binary_data_size: values.byteLength } }],
      parameters: { binary_data_output: true },
    });
    const upload = begin('huge/infer', { 'inference-header-content-length': head.length }, edge);
    upload.write(head);
    upload.end(new Uint8Array(values.buffer));
    const [response]: IncomingMessage[] = await once(upload, 'response');
    response?.pause();
    expect(await held()).toBeGreaterThan(0);
    await vi.waitFor(async () => expect(await held()).toBe(0), { timeout: 5_000 });
    expect(response?.complete).toBe(false);
    await expectAlive(edge);
    await edge.stop();
  });
});

describe('large tensors', () => {
  it('come back as they were, binary', async () => {
    const values = Float32Array.from({ length: NUMBERS }, (_, index) => index / 7);
    const edge = await start({ maxRequestBytes: 4 * NUMBERS });
    const { buffers } = await (await open(edge)).infer('echo', [binaryInput('x', 'FP32', [NUMBERS], values)]);
    expect(buffers.get('y')?.equals(Buffer.from(values.buffer))).toBe(true);
    await edge.stop();
  });

  it('as JSON are read and written on a thread, not on the event loop', async () => {
    const data = Array.from({ length: 50_000 }, (_, index) => Math.fround(index / 7));
    const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [50_000], data }] });
    const parse = vi.spyOn(JSON, 'parse');
    const response = await fetch(`${server.url}/v2/models/list/infer`, { method: 'POST', body });
    // Whoever parses on this loop, the edge too, would be seen.
    expect(parse.mock.calls.filter(([text]) => text.length > 10_000)).toEqual([]);
    parse.mockRestore();
    const { outputs } = JSON.parse(await response.text());
    expect(outputs).toHaveLength(1);
    expect(outputs[0].data).toEqual(data);
  });

  it('beyond what JSON should carry are refused, with the way out', async () => {
    const json = Buffer.alloc(9_000_000, 32);
    const edge = await start({ maxRequestBytes: 16_000_000 });
    const response = await fetch(`${edge.url}/v2/models/echo/infer`, { method: 'POST', body: new Uint8Array(json) });
    expect(response.status).toBe(413);
    expect(response.headers.get('cutpoint-code')).toBe('too_large');
    expect(await response.json()).toEqual({ error: expect.stringContaining('binary data') });
    await edge.stop();
  });
});

describe('an edge that stops', () => {
  it('answers what runs, whole, and refuses what waits and what still comes, at once', async () => {
    const edge = await start({ maxQueue: 8, uploadIdleMs: 5_000 });
    await edge.warmedUp();
    const upload = begin('echo/infer', { 'content-length': 1_000_000 }, edge);
    const uploaded = answerTo(upload);
    upload.write('{');
    const [running, waiting] = await keepBusy(1, edge);
    const stopped = edge.stop();
    expect(await waiting).toBe(503);
    expect(await uploaded).toMatchObject({ status: 503, error: expect.stringContaining('stopping') });
    expect(edge.load().inFlight).toBe(1);
    expect(await running).toBe(200);
    await stopped;
  });
});
