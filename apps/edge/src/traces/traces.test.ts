import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EdgeTimings } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import { type RunningServer, startServer } from '../server/start.js';
import { Collector, type ReceivedSpan } from '../testing/collector.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { brokenModel, slowModel, tinyModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-traces-'));
const TOKEN = 'the-right-token-of-this-edge';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE_ID}-${PARENT_ID}-01`;
const UNSAMPLED = `00-${TRACE_ID}-${PARENT_ID}-00`;
const STAGES = ['upload', 'queue', 'decode', 'tail', 'encode', 'reply'];
const feeds = () => [bytes('mask', [1, 0, 2]), floats('x', [1, 4], [-1, 0.5, 2, 3])];
const one = () => [floats('x', [1], [0])];

let tiny: PreparedModel;
let slow: PreparedModel;
let broken: PreparedModel;
let collector: Collector;
let server: RunningServer;
let client: TestClient;

async function start(isTraced = true): Promise<void> {
  server = await startServer({
    catalog: new MemoryCatalog(tiny, slow, broken),
    port: 0,
    workers: 1,
    canary: false,
    logLevel: 'silent',
    tokens: [TOKEN],
    ...(isTraced && { traces: { url: collector.url, headers: { 'x-key': 'secret' } } }),
  });
  await server.warmedUp();
}

/** Its ids begin anew. */
async function connect(): Promise<void> {
  client = await TestClient.open(server.url, {}, TOKEN);
}

async function inferOverHttp(model: string, headers: Record<string, string> = {}, body?: string): Promise<number> {
  const inputs = [
    { name: 'mask', datatype: 'UINT8', shape: [3], data: [1, 0, 2] },
    { name: 'x', datatype: 'FP32', shape: [1, 4], data: [-1, 0.5, 2, 3] },
  ];
  const response = await fetch(`${server.url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    body: body ?? JSON.stringify({ inputs }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function requests(count: number): Promise<readonly ReceivedSpan[]> {
  await vi.waitFor(() => expect(collector.requests.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 });
  return collector.requests;
}

async function onlyRequest(): Promise<ReceivedSpan> {
  const [request, ...more] = await requests(1);
  expect(more).toEqual([]);
  return request ?? expect.fail('there is none');
}

const startOf = ({ startTimeUnixNano }: ReceivedSpan) => BigInt(startTimeUnixNano);
const endOf = ({ endTimeUnixNano }: ReceivedSpan) => BigInt(endTimeUnixNano);
const nsOf = (span: ReceivedSpan) => Number(endOf(span) - startOf(span));
const namesOf = (spans: readonly ReceivedSpan[]) => spans.map(({ name }) => name);

/** One after the other, and within their request, to the nanosecond. */
function expectNested(request: ReceivedSpan, stages: readonly ReceivedSpan[]): void {
  let atNs = startOf(request);
  for (const stage of stages) {
    expect(stage.traceId).toBe(request.traceId);
    expect(startOf(stage) >= atNs, `${stage.name} begins when the one before has ended`).toBe(true);
    expect(endOf(stage) >= startOf(stage)).toBe(true);
    atNs = endOf(stage);
  }
  expect(endOf(request) >= atNs, 'the last one ends within the request').toBe(true);
}

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  slow = slowModel(objectsDir);
  broken = brokenModel(objectsDir);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
  collector = await Collector.start();
});
afterEach(() => collector.forget());
afterAll(async () => {
  await collector.close();
  rmSync(objectsDir, { recursive: true });
});

describe('a trace', () => {
  beforeAll(() => start());
  beforeEach(connect);
  afterEach(() => client.close());
  afterAll(() => server.stop());

  it('has one span of an inference, below the one that the client names, and one of each stage as the client was told', async () => {
    const beforeMs = Date.now();
    client.infer(1, slow, 0, one(), { traceparent: SAMPLED });
    const { timings } = (await client.result(1)).message;
    const request = await onlyRequest();
    expect(request).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID, name: 'infer slow' });
    expect(request.status.code).toBe(0);
    expect(request.attributes).toEqual({
      'network.protocol.name': 'websocket',
      'cutpoint.model': 'slow',
      'cutpoint.cut': 0,
      'cutpoint.codecs': ['raw'],
      'cutpoint.received_bytes': 4,
      'cutpoint.sent_bytes': 4,
      'cutpoint.execution_provider': 'cpu',
    });
    const startMs = Number(startOf(request) / 1_000_000n);
    expect(startMs).toBeGreaterThanOrEqual(beforeMs - 1);
    expect(startMs).toBeLessThanOrEqual(Date.now());

    const stages = collector.childrenOf(request);
    expect(namesOf(stages)).toEqual(STAGES);
    expectNested(request, stages);
    for (const stage of stages.slice(0, 5)) {
      // As `EdgeTimings` calls them.
      const told = timings[`${stage.name}Ms` as keyof EdgeTimings];
      expect(nsOf(stage), stage.name).toBe(Math.round(told * 1e6));
    }
    const [upload, , , , , reply] = stages;
    expect(reply && upload && Number(startOf(reply) - endOf(upload))).toBe(Math.round(timings.totalMs * 1e6));
    expect(collector.resource).toMatchObject({ 'service.name': 'cutpoint-edge', 'telemetry.sdk.language': 'nodejs' });
    expect(collector.headers).toMatchObject({ 'x-key': 'secret', 'content-type': 'application/json' });
  });

  it('has the same of one over HTTP, whose headers say what it belongs to', async () => {
    expect(await inferOverHttp('tiny', { traceparent: SAMPLED, tracestate: 'vendor=1' })).toBe(200);
    const request = await onlyRequest();
    expect(request).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID, traceState: 'vendor=1' });
    expect(request.attributes).toMatchObject({ 'network.protocol.name': 'http', 'cutpoint.cut': 0 });
    expect(namesOf(collector.childrenOf(request))).toEqual(STAGES);
    expectNested(request, collector.childrenOf(request));
  });

  it('is one of its own where the client names none, or what it names is nothing', async () => {
    const wrong = [
      '',
      'nonsense',
      `${SAMPLED}-more`,
      SAMPLED.toUpperCase(),
      SAMPLED.replace(/^00/, 'ff'),
      17,
      {},
      null,
    ];
    const all = [...wrong, `00-${'0'.repeat(32)}-${PARENT_ID}-01`, `${SAMPLED}${'x'.repeat(5_000)}`];
    for (const [id, traceparent] of all.entries()) {
      client.infer(id, tiny, 0, feeds(), { traceparent });
      await client.result(id);
    }
    client.infer(all.length, tiny, 0, feeds());
    await client.result(all.length);
    expect(await inferOverHttp('tiny', { traceparent: `${SAMPLED}, ${SAMPLED}` })).toBe(200);
    const roots = await requests(all.length + 2);
    expect(roots.map(({ parentSpanId }) => parentSpanId ?? '')).toEqual(roots.map(() => ''));
    expect(new Set(roots.map(({ traceId }) => traceId)).add(TRACE_ID).size).toBe(all.length + 3);
  });

  it('is not made where the client says that it is not sampled', async () => {
    client.infer(1, tiny, 0, feeds(), { traceparent: UNSAMPLED });
    await client.result(1);
    expect(await inferOverHttp('tiny', { traceparent: UNSAMPLED })).toBe(200);
    client.infer(2, tiny, 0, feeds(), { traceparent: SAMPLED });
    await client.result(2);
    const request = await onlyRequest();
    expect(collector.spans).toHaveLength(1 + STAGES.length);
    expect(request.parentSpanId).toBe(PARENT_ID);
  });

  it('says of what has no answer why, and how far it came', async () => {
    client.infer(1, tiny, 99, feeds());
    expect(await client.errorOf(1)).toBe('unknown_cut');
    client.infer(2, broken, 0, one());
    expect(await client.errorOf(2)).toBe('tail_failed');
    client.infer(3, slow, 0, one(), { withoutPayload: true });
    client.send({ type: 'cancel', id: 3 });
    expect(await client.errorOf(3)).toBe('cancelled');
    expect(await inferOverHttp('tiny@99')).toBe(404);
    expect(await inferOverHttp('nothing')).toBe(404);
    expect(await inferOverHttp('tiny', {}, '{')).toBe(400);
    expect(await inferOverHttp('tiny', { 'content-encoding': 'br' })).toBe(415);
    const told = (await requests(7)).map((request) => {
      expect(request.status).toEqual({ code: 2, message: request.attributes['error.type'] });
      expect(nsOf(request)).toBeGreaterThanOrEqual(0);
      expectNested(request, collector.childrenOf(request));
      const { name, attributes } = request;
      return [name, attributes['error.type'], ...namesOf(collector.childrenOf(request))].join(' ');
    });
    expect(told).toEqual([
      'infer tiny unknown_cut',
      'infer broken tail_failed upload queue',
      'infer slow cancelled upload',
      'infer tiny unknown_cut',
      'infer unknown_model',
      'infer tiny bad_json upload',
      'infer tiny bad_message',
    ]);
  });

  it('shows how long one waited that was dropped from the queue', async () => {
    client.infer(1, slow, 0, one());
    client.infer(2, slow, 0, one(), { deadlineMs: 20 });
    const [dropped] = await Promise.all([client.errorOf(2), client.result(1)]);
    expect(dropped).toBe('deadline_exceeded');
    const [request] = (await requests(2)).filter(({ status }) => status.code === 2);
    if (request === undefined) throw new Error('it has no span');
    const stages = collector.childrenOf(request);
    expect(namesOf(stages)).toEqual(['upload', 'queue']);
    expectNested(request, stages);
    expect(stages.reduce((sum, stage) => sum + nsOf(stage), 0)).toBe(nsOf(request));
  });

  it('holds nothing of who asked, of tokens and of tensors', async () => {
    client.infer(1, tiny, 0, feeds(), { traceparent: SAMPLED });
    await client.result(1);
    client.send({ type: 'infer', id: 2, model: 'made-up', table: 'a'.repeat(64), cut: 0, tensors: [], numBytes: 0 });
    expect(await client.errorOf(2)).toBe('unknown_model');
    await requests(2);
    for (const secret of [TOKEN, '127.0.0.1', 'made-up', 'mask']) expect(collector.texts.join()).not.toContain(secret);
  });
});

it('an edge that was not told where traces go makes none, and loads nothing of OpenTelemetry for them', async () => {
  await start(false);
  await connect();
  client.infer(1, tiny, 0, feeds(), { traceparent: SAMPLED });
  await client.result(1);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.filter((file) => /opentelemetry.(core|sdk|exporter|resources)/.test(file))).toEqual([]);
  expect(collector.texts).toEqual([]);
  client.close();
  await server.stop();
});
