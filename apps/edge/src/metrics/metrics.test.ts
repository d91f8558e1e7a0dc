import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EdgeTimings } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { parseExposition, type Scrape, sampleOf, shrunk } from '../testing/exposition.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { brokenModel, slowModel, tinyModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-metrics-'));
const TOKEN = 'the-right-token-of-this-edge';
/** Raw bytes of what the tiny model takes and gives. */
const TINY_BYTES = { up: 3 + 4 * 4, down: 4 * 4 + 4 * 8 };
const feeds = () => [bytes('mask', [1, 0, 2]), floats('x', [1, 4], [-1, 0.5, 2, 3])];
const one = () => [floats('x', [1], [0])];

let tiny: PreparedModel;
let slow: PreparedModel;
let broken: PreparedModel;
let server: RunningServer;
let clients: TestClient[] = [];

async function start(more: Partial<ServerOptions> = {}): Promise<void> {
  const catalog = new MemoryCatalog(tiny, slow, broken);
  server = await startServer({ catalog, port: 0, workers: 1, canary: false, logLevel: 'silent', ...more });
  await server.warmedUp();
}

async function connect(token?: string): Promise<TestClient> {
  const client = await TestClient.open(server.url, {}, token);
  clients.push(client);
  return client;
}

async function get(headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await fetch(`${server.url}/metrics`, { headers });
}

async function scrape(): Promise<Scrape> {
  return parseExposition(await (await get()).text());
}

async function inferOverHttp(model: string, more: RequestInit = {}): Promise<number> {
  const inputs = [
    { name: 'mask', datatype: 'UINT8', shape: [3], data: [1, 0, 2] },
    { name: 'x', datatype: 'FP32', shape: [1, 4], data: [-1, 0.5, 2, 3] },
  ];
  const url = `${server.url}/v2/models/${model}/infer`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ inputs }), ...more });
  await response.arrayBuffer();
  return response.status;
}

const requests = (scraped: Scrape, model: string, outcome: string, code: string) =>
  sampleOf(scraped, 'cutpoint_requests_total', { model, outcome, code });

beforeAll(() => {
  tiny = tinyModel(objectsDir);
  slow = slowModel(objectsDir);
  broken = brokenModel(objectsDir);
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.stop();
});
afterAll(() => rmSync(objectsDir, { recursive: true }));

describe('what the metrics say', () => {
  it('of inferences is how each ended, over the WebSocket and HTTP, and how many bytes they moved', async () => {
    await start();
    const client = await connect();
    for (const id of [1, 2, 3]) {
      client.infer(id, tiny, 0, feeds());
      await client.result(id);
    }
    client.infer(4, tiny, 99, feeds());
    expect(await client.errorOf(4)).toBe('unknown_cut');
    client.infer(5, broken, 0, one());
    expect(await client.errorOf(5)).toBe('tail_failed');
    client.infer(6, slow, 0, one(), { withoutPayload: true });
    client.send({ type: 'cancel', id: 6 });
    expect(await client.errorOf(6)).toBe('cancelled');
    expect(await inferOverHttp('tiny')).toBe(200);
    expect(await inferOverHttp('tiny@99')).toBe(404);
    expect(await inferOverHttp('nothing')).toBe(404);
    expect(await inferOverHttp('tiny', { body: '{' })).toBe(400);
    expect(await inferOverHttp('tiny', { headers: { 'content-encoding': 'br' } })).toBe(415);

    const scraped = await scrape();
    expect(requests(scraped, 'tiny', 'answered', 'ok')).toBe(4);
    expect(requests(scraped, 'tiny', 'refused', 'unknown_cut')).toBe(2);
    expect(requests(scraped, 'tiny', 'refused', 'bad_json')).toBe(1);
    expect(requests(scraped, 'tiny', 'refused', 'bad_message')).toBe(1);
    expect(requests(scraped, 'unknown', 'refused', 'unknown_model')).toBe(1);
    expect(requests(scraped, 'broken', 'failed', 'tail_failed')).toBe(1);
    expect(requests(scraped, 'slow', 'cancelled', 'cancelled')).toBe(1);
    expect(sampleOf(scraped, 'cutpoint_received_bytes_total', { model: 'tiny' })).toBe(4 * TINY_BYTES.up);
    expect(sampleOf(scraped, 'cutpoint_sent_bytes_total', { model: 'tiny' })).toBe(4 * TINY_BYTES.down);
    const all = scraped.get('cutpoint_requests_total')?.samples ?? [];
    expect(
      all.reduce((sum, { value }) => sum + value, 0),
      'each once',
    ).toBe(11);
    expect(sampleOf(scraped, 'cutpoint_http_responses_total', { code: '404' })).toBe(2);
    expect(sampleOf(scraped, 'cutpoint_http_responses_total', { code: '415' })).toBe(1);
  });

  it('of durations is what the clients were told, in seconds', async () => {
    await start();
    const client = await connect();
    const told: EdgeTimings[] = [];
    for (const id of [1, 2, 3]) {
      client.infer(id, slow, 0, one());
      told.push((await client.result(id)).message.timings);
    }
    const sumS = (read: (timings: EdgeTimings) => number) =>
      told.reduce((sum, timings) => sum + read(timings), 0) / 1000;
    const scraped = await scrape();
    for (const [name, seconds] of [
      ['cutpoint_upload_duration_seconds', sumS(({ uploadMs }) => uploadMs)],
      ['cutpoint_queue_wait_seconds', sumS(({ queueMs }) => queueMs)],
      ['cutpoint_decode_duration_seconds', sumS(({ decodeMs }) => decodeMs)],
      ['cutpoint_tail_duration_seconds', sumS(({ tailMs }) => tailMs)],
    ] as const) {
      expect(sampleOf(scraped, `${name}_sum`, { model: 'slow' }), name).toBeCloseTo(seconds, 9);
      expect(sampleOf(scraped, `${name}_count`, { model: 'slow' }), name).toBe(3);
    }
    // From the same announcement to the last byte of the answer, which came after what the answer could say.
    const wholeS = sampleOf(scraped, 'cutpoint_request_duration_seconds_sum', { model: 'slow' });
    expect(wholeS).toBeGreaterThan(sumS(({ uploadMs, totalMs }) => uploadMs + totalMs));
    expect(sampleOf(scraped, 'cutpoint_request_duration_seconds_count', { model: 'slow' })).toBe(3);
    // In the very bucket that it belongs into.
    const longestS = Math.max(...told.map(({ tailMs }) => tailMs)) / 1000;
    const bounds = scraped.get('cutpoint_tail_duration_seconds')?.samples ?? [];
    for (const { name, labels, value } of bounds) {
      if (!name.endsWith('_bucket')) continue;
      const within = told.filter(({ tailMs }) => tailMs / 1000 <= Number(labels.le?.replace('Inf', 'Infinity'))).length;
      expect(value, `${labels.le} of at most ${longestS}`).toBe(within);
    }
  });

  it('of the edge is how it is at that moment', async () => {
    await start();
    const idle = await scrape();
    expect(sampleOf(idle, 'cutpoint_connections')).toBe(0);
    expect(sampleOf(idle, 'cutpoint_workers')).toBe(1);
    expect(sampleOf(idle, 'cutpoint_workers_busy')).toBe(0);
    // The broken one could not be opened.
    expect(sampleOf(idle, 'cutpoint_open_tails')).toBe(2);
    expect(sampleOf(idle, 'cutpoint_open_tails_bytes')).toBeGreaterThanOrEqual(2 * 8 * 1024 * 1024);
    expect(sampleOf(idle, 'cutpoint_load_factor_ratio', { model: 'slow' })).toBe(1);
    expect(idle.get('cutpoint_build_info')?.samples).toMatchObject([
      { labels: { version: expect.any(String) }, value: 1 },
    ]);

    const client = await connect();
    for (const id of [1, 2, 3]) client.infer(id, slow, 0, one());
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(2), { interval: 2 });
    const busy = await scrape();
    expect(sampleOf(busy, 'cutpoint_connections')).toBe(1);
    expect(sampleOf(busy, 'cutpoint_workers_busy')).toBe(1);
    expect(sampleOf(busy, 'cutpoint_requests_in_flight')).toBe(1);
    expect(sampleOf(busy, 'cutpoint_queue_depth')).toBe(2);
    // Two that wait, of 200 ms each by their profile.
    expect(sampleOf(busy, 'cutpoint_queue_predicted_wait_seconds')).toBeGreaterThanOrEqual(0.4);
    expect(sampleOf(busy, 'cutpoint_queue_predicted_wait_seconds')).toBeLessThanOrEqual(0.6);
    expect(sampleOf(busy, 'cutpoint_held_payload_bytes')).toBe(3 * 4);
    await client.result(3);

    const after = await scrape();
    expect(sampleOf(after, 'cutpoint_load_factor_ratio', { model: 'slow' })).toBe(server.load().k.slow);
    expect(sampleOf(after, 'cutpoint_load_factor_ratio', { model: 'slow' })).not.toBe(1);
    expect(sampleOf(after, 'cutpoint_workers_utilization_ratio')).toBeGreaterThan(0);
    expect(sampleOf(after, 'process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(shrunk(idle, after)).toEqual([]);
    expect(shrunk(after, idle), 'it tells').not.toEqual([]);
  });

  it('has no label that a client made up, and nothing of its token', async () => {
    await start({ tokens: [TOKEN] });
    const client = await connect(TOKEN);
    const [table = ''] = tiny.tables.keys();
    const refused = async (id: number, model: string) => {
      client.send({ type: 'infer', id, model, table, cut: 0, tensors: [], numBytes: 0 });
      expect(await client.errorOf(id)).toBe('unknown_model');
    };
    const read = async () => await (await get({ authorization: `Bearer ${TOKEN}` })).text();
    await refused(1, 'made-up-1');
    await read();
    const before = await read();
    for (let id = 2; id < 40; id += 1) await refused(id, `made-up-${id}`);
    const after = await read();
    expect(requests(parseExposition(after), 'unknown', 'refused', 'unknown_model')).toBe(39);
    const names = (text: string) => text.replaceAll(/^(cutpoint_.*) \S+$/gm, '$1').match(/^cutpoint_.*$/gm);
    expect(names(after)).toEqual(names(before));
    for (const told of ['made-up', TOKEN, '127.0.0.1']) expect(after).not.toContain(told);
  });

  it('is in base units, under names that say what they are', async () => {
    await start();
    await inferOverHttp('tiny');
    const own = [...(await scrape()).values()].filter(({ name }) => name.startsWith('cutpoint_'));
    expect(own.length).toBeGreaterThan(20);
    const wrong = own.filter(
      ({ name, type }) =>
        /_(?:ms|milliseconds|us|kb|mib|percent)(?:_|$)/.test(name) ||
        (type === 'counter') !== name.endsWith('_total') ||
        (type === 'histogram' && !/_(?:seconds|requests)$/.test(name)),
    );
    expect(wrong).toEqual([]);
  });
});

describe('who may read the metrics', () => {
  it('is whoever may read the load, unless it is told otherwise', async () => {
    await start({ tokens: [TOKEN] });
    const foreign = { origin: 'https://elsewhere.example', authorization: `Bearer ${TOKEN}` };
    for (const path of ['/v1/load', '/metrics']) {
      const status = async (headers: Record<string, string>) => (await fetch(server.url + path, { headers })).status;
      expect(await status({})).toBe(401);
      expect(await status({ authorization: 'Bearer wrong' })).toBe(401);
      expect(await status(foreign)).toBe(403);
      expect(await status({ authorization: `Bearer ${TOKEN}` })).toBe(200);
    }
    const { headers } = await get({ authorization: `Bearer ${TOKEN}` });
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('can be everybody who reaches the edge, but no page of another site', async () => {
    await start({ tokens: [TOKEN], metrics: 'everybody' });
    expect((await get()).status).toBe(200);
    expect((await get({ origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await fetch(`${server.url}/v1/load`)).status).toBe(401);
    expect((await fetch(`${server.url}/metricsx`)).status).toBe(401);
    const { paths } = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
    expect(paths['/metrics'].get.security).toEqual([]);
  });

  it('can be nobody', async () => {
    await start({ metrics: 'nobody' });
    expect((await get()).status).toBe(404);
  });
});
