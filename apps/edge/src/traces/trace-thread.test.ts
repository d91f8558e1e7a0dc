import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SettledRequest } from '../connection/settled.js';
import { Collector } from '../testing/collector.js';
import { TraceThread } from './trace-thread.js';

let collector: Collector;
let thread: TraceThread;
const log = { info: vi.fn(), warn: vi.fn() };
const clock = () => performance.now();
const saidOf = (say: typeof log.warn) => say.mock.calls.map((words) => words.at(-1));

function start(url: string): void {
  thread = new TraceThread({ url, headers: {}, version: '1.2.3', clock, log });
}

/** One span. */
function settle(): void {
  const course = { over: 'http', announcedAtMs: clock() } as const;
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
    await vi.waitFor(() => expect(collector.numExports).toBe(refused), { timeout: 10_000 });
  }
  await vi.waitFor(() => expect(log.warn).toHaveBeenCalled());
  collector.status = 200;
  settle();
  await vi.waitFor(() => expect(saidOf(log.info)).toContain('the collector takes spans again'));
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
  await vi.waitFor(() =>
    expect(saidOf(log.warn).join()).toContain('OpenTelemetry says: OTEL_TRACES_SAMPLER value "sometimes"'),
  );
  await thread.close(20);
  expect(saidOf(log.warn)).toHaveLength(2);
  expect(saidOf(log.warn)).toContain('the last spans could not be sent in time');
  expect(JSON.stringify(log.warn.mock.calls)).not.toContain('secret');
  // As a request that ends later does.
  settle();
  await thread.close(20);
  expect(saidOf(log.warn)).toHaveLength(2);
});
