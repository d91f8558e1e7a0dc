import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SettledRequest } from '../connection/settled.js';
import { Collector } from '../testing/collector.js';
import { TraceThread } from './trace-thread.js';

/** A thread that loads the library may take a second on a busy machine. */
const PATIENCE = { timeout: 20_000 };

let collector: Collector;
let thread: TraceThread;
const log = { info: vi.fn(), warn: vi.fn() };
const clock = () => performance.now();
const saidOf = (say: typeof log.warn) => say.mock.calls.map((words) => words.at(-1));

function start(url: string): void {
  thread = new TraceThread({ url, headers: { 'x-key': 'secret' }, version: '1.2.3', clock, log });
}

/** One span. */
function settle(traceparent?: string): void {
  const course = { over: 'http', announcedAtMs: clock(), traceparent } as const;
  const request: SettledRequest = { model: 'tiny', code: 'overloaded', receivedBytes: 0, sentBytes: 0, course };
  thread.settled(request);
}

beforeEach(async () => {
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10');
  vi.clearAllMocks();
  collector = await Collector.start();
});
afterEach(() => vi.unstubAllEnvs());

it('says once that spans are lost, once that they are not any more, and at the end how many were', async () => {
  collector.status = 400;
  start(collector.url);
  for (const refused of [1, 2]) {
    settle();
    await vi.waitFor(() => expect(collector.numExports).toBe(refused), PATIENCE);
  }
  await vi.waitFor(() => expect(log.warn).toHaveBeenCalled(), PATIENCE);
  collector.status = 200;
  settle();
  await vi.waitFor(() => expect(saidOf(log.info)).toContain('the collector takes spans again'), PATIENCE);
  await thread.close(10_000);
  expect(saidOf(log.warn)).toEqual(['spans are lost: the collector does not take them']);
  expect(log.info).toHaveBeenLastCalledWith({ collector: collector.url, lostSpans: 2 }, 'not all spans arrived');
  await collector.close();
});

it('waits for a collector that is not there no longer than it is told to, and passes complaints of the library on', async () => {
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'sometimes');
  const deadUrl = collector.url;
  await collector.close();
  start(`${deadUrl}?key=secret`);
  settle();
  const complaint = 'OpenTelemetry says: OTEL_TRACES_SAMPLER value "sometimes"';
  await vi.waitFor(() => expect(saidOf(log.warn).join()).toContain(complaint), PATIENCE);
  await thread.close(20);
  expect(saidOf(log.warn)).toHaveLength(2);
  expect(saidOf(log.warn)).toContain('the last spans could not be sent in time');
  expect(JSON.stringify(log.warn.mock.calls)).not.toContain('secret');
  // As a request that ends later does.
  settle();
  await thread.close(20);
  expect(saidOf(log.warn)).toHaveLength(2);
});

it('samples, names and sends spans as the variables of OpenTelemetry say', async () => {
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_always_off');
  vi.stubEnv('OTEL_SERVICE_NAME', 'the-edge-in-the-hall');
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-tenant=hall');
  start(collector.url);
  settle();
  settle('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  await thread.close(10_000);
  expect(collector.spans.map(({ parentSpanId }) => parentSpanId)).toEqual(['b7ad6b7169203331']);
  expect(collector.resource).toMatchObject({ 'service.name': 'the-edge-in-the-hall', 'service.version': '1.2.3' });
  expect(collector.headers).toMatchObject({ 'x-tenant': 'hall', 'x-key': 'secret' });
  await collector.close();
});

it('keeps no process alive for a collector that never answers', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '600000');
  collector.status = undefined;
  const dist = new URL('../../dist/traces/trace-thread.js', import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-trace-thread-'));
  const file = join(folder, 'edge.mjs');
  const script = `
    const { TraceThread } = await import('${dist}');
    const log = { info() {}, warn: (...words) => console.log(words.at(-1)) };
    const thread = new TraceThread({ url: '${collector.url}', headers: {}, version: '1', clock: () => 0, log });
    const course = { over: 'http', announcedAtMs: 0 };
    thread.settled({ model: 'tiny', code: 'overloaded', receivedBytes: 0, sentBytes: 0, course });
    await new Promise((resolve) => process.stdin.once('end', resolve).resume());
    await thread.close(50);`;
  writeFileSync(file, script);
  const running = promisify(execFile)(process.execPath, [file]);
  await vi.waitFor(() => expect(collector.numExports).toBe(1), PATIENCE);
  running.child.stdin?.end();
  // It ends by itself, though its export would wait for ten minutes.
  expect((await running).stdout).toBe('the last spans could not be sent in time\n');
  await collector.close();
  rmSync(folder, { recursive: true });
});
