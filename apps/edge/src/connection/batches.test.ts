import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { BatchMemory } from '../batching/batch-memory.js';
import type { Slowdowns } from '../batching/slowdowns.js';
import type { PreparedModel } from '../prepare/prepared.js';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { ServedVersion } from '../server/served-version.js';
import { type RunningServer, startServer } from '../server/start.js';
import { parseExposition, sampleOf } from '../testing/exposition.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { floats, TestClient } from '../testing/test-client.js';
import { pickModel, slowModel } from '../testing/tiny-models.js';

/** Requests of several sockets in one run, at an edge that knows of its tails whether that pays. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-batches-'));
const objectsDir = join(folder, 'objects');
for (const name of ['objects', 'prepared']) mkdirSync(join(folder, name));
const SOON = { interval: 5, timeout: 10_000 };
const options = { ...DEFAULT_SERVER_OPTIONS, workers: 1, canary: false, port: 0, logLevel: 'silent' as const };

let long: PreparedModel;
let paying: PreparedModel;
let slow: PreparedModel;
let plain: PreparedModel;
let server: RunningServer;
let clients: TestClient[] = [];

async function know(model: PreparedModel, slowdowns: Slowdowns): Promise<void> {
  const [table = ''] = model.tables.keys();
  const served = new ServedVersion(model).cut(table, 0);
  await new BatchMemory(options).write(served ?? expect.fail('no cut'), slowdowns);
}

beforeAll(async () => {
  long = slowModel(objectsDir, 'long', 1_500);
  paying = pickModel(objectsDir, { name: 'paying', products: 1 });
  slow = pickModel(objectsDir, { name: 'slow', products: 300 });
  plain = pickModel(objectsDir, { name: 'plain', products: 2 });
  const pays: Slowdowns = [
    [2, 1.2],
    [4, 1.5],
  ];
  await Promise.all([know(paying, pays), know(slow, pays), know(plain, [])]);
  server = await startServer({ ...options, catalog: new MemoryCatalog(long, paying, slow, plain) });
  await server.warmedUp();
  // What is remembered of a tail is read when it is first asked for.
  const client = await open();
  for (const [id, model] of [paying, slow, plain].entries()) {
    ask(client, id, model, [0, 0, 0, 0], 0);
    await client.result(id);
  }
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function open(): Promise<TestClient> {
  const client = await TestClient.open(server.url);
  clients.push(client);
  return client;
}

function ask(client: TestClient, id: number, model: PreparedModel, x: readonly number[], pick: number): void {
  const picked = { name: 'pick', type: 'int64' as const, dims: [1, 1], data: BigInt64Array.of(BigInt(pick)) };
  client.infer(id, model, 0, [floats('x', [1, 4], x), picked]);
}

/** The one worker is taken until all of this many requests have come. */
async function whileBusy(say: () => void, waiting: number): Promise<void> {
  const other = await open();
  other.infer(1, long, 0, [floats('x', [1], [0])]);
  await vi.waitFor(() => expect(server.load().inFlight).toBe(1), SOON);
  say();
  await vi.waitFor(() => expect(server.load().queueDepth).toBe(waiting), SOON);
  expect(server.load().inFlight, 'still the first').toBe(1);
  await other.result(1);
}

/** Runs of a model so far, and requests in them. */
async function runsOf(model: string): Promise<readonly [runs: number | undefined, requests: number | undefined]> {
  const scrape = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
  const sample = (name: string) => sampleOf(scrape, `cutpoint_batch_requests_${name}`, { model });
  return [sample('count'), sample('sum')];
}

it('are answered when one of them fails, which fails alone', async () => {
  const [one, two] = [await open(), await open()];
  await whileBusy(() => {
    ask(one, 1, paying, [1, 2, 3, 4], 99);
    ask(two, 1, paying, [1, 2, 3, 4], 1);
  }, 2);
  expect(await one.errorOf(1)).toBe('tail_failed');
  expect((await two.result(1)).outputs).toEqual({ y: Float32Array.of(2, 4, 6, 8) });
});

it('of two sockets and of KServe join one run, also after one that failed, and each gets its own answer', async () => {
  const [one, two] = [await open(), await open()];
  const [runs = 0, requests = 0] = await runsOf('paying');
  const [plainRuns = 0, plainRequests = 0] = await runsOf('plain');
  let http: Promise<Response> | undefined;
  await whileBusy(() => {
    ask(one, 1, paying, [1, 2, 3, 4], 0);
    ask(two, 1, paying, [1, 2, 3, 4], 3);
    ask(one, 2, plain, [1, 2, 3, 4], 0);
    ask(two, 2, plain, [1, 2, 3, 4], 1);
    const inputs = [
      { name: 'x', datatype: 'FP32', shape: [1, 4], data: [5, 6, 7, 8] },
      { name: 'pick', datatype: 'INT64', shape: [1, 1], data: [1] },
    ];
    http = fetch(`${server.url}/v2/models/paying@0/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
  }, 5);
  const first = await one.result(1);
  expect(first.outputs).toEqual({ y: Float32Array.of(1, 2, 3, 4) });
  expect((await two.result(1)).outputs).toEqual({ y: Float32Array.of(4, 8, 12, 16) });
  expect(await (await http)?.json()).toMatchObject({ outputs: [{ name: 'y', data: [10, 12, 14, 16] }] });
  expect(await runsOf('paying')).toEqual([runs + 1, requests + 3]);
  await Promise.all([one.result(2), two.result(2)]);
  expect(await runsOf('plain'), 'where it was found not to pay').toEqual([plainRuns + 2, plainRequests + 2]);
  // The stages still add up to the whole.
  const { queueMs, decodeMs, tailMs, encodeMs, totalMs } = first.message.timings;
  expect(queueMs + decodeMs + tailMs + encodeMs).toBeLessThanOrEqual(totalMs + 0.01);
});

it('get what is theirs when one of them is cancelled, or its socket closed, while they run', async () => {
  const [one, two, three] = [await open(), await open(), await open()];
  const [runs = 0, requests = 0] = await runsOf('slow');
  await whileBusy(() => {
    for (const [index, client] of [one, two, three].entries()) ask(client, 1, slow, [1, 1, 1, 1], index);
  }, 3);
  await vi.waitFor(() => expect(server.load().inFlight).toBe(3), SOON);
  one.send({ type: 'cancel', id: 1 });
  three.close();
  expect(await one.errorOf(1)).toBe('cancelled');
  expect((await two.result(1)).outputs).toEqual({ y: Float32Array.of(2, 2, 2, 2) });
  expect(await runsOf('slow')).toEqual([runs + 1, requests + 3]);
  // The sockets go on.
  ask(one, 2, paying, [1, 1, 1, 1], 0);
  expect((await one.result(2)).outputs).toEqual({ y: Float32Array.of(1, 1, 1, 1) });
});
