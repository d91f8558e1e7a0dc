import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chunksOf, encodeTensors } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { slowModel, tinyModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-reservations-'));
/** Of `announced`, by its table; where that figure matters it never ran, so nothing else is learnt of it. */
const TAIL_MS = 200;
const MAX_IN_FLIGHT = 6;
let tiny: PreparedModel;
let announced: PreparedModel;
/** Runs long enough for anything that a test says meanwhile. */
let endless: PreparedModel;
let shared: RunningServer;
/** The shared one, unless a test needs its own. */
let server: RunningServer;
let clients: TestClient[];

async function serve(more: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const catalog = new MemoryCatalog(tiny, announced, endless);
  catalog.set({ name: 'late', version: '1', description: '', status: 'preparing', reason: 'being prepared' });
  return await startServer({
    catalog,
    port: 0,
    workers: 1,
    maxQueue: 2,
    maxInFlight: MAX_IN_FLIGHT,
    uploadIdleMs: 60_000,
    canary: false,
    logLevel: 'silent',
    ...more,
  });
}

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  announced = slowModel(objectsDir, 'announced', 1);
  endless = slowModel(objectsDir, 'endless', 2_500);
  shared = await serve();
  await shared.warmedUp();
}, 60_000);
beforeEach(() => {
  clients = [];
  server = shared;
});
afterEach(async () => {
  for (const client of clients) client.close();
  if (server !== shared) await server.stop();
  const rest = { inFlight: 0, queueDepth: 0, announcedMs: 0, clients: 0 };
  await vi.waitFor(() => expect(shared.load()).toMatchObject(rest), 10_000);
});
afterAll(async () => {
  await shared.stop();
  rmSync(objectsDir, { recursive: true });
});

async function open(): Promise<TestClient> {
  const client = await TestClient.open(server.url);
  clients.push(client);
  return client;
}

/** The edge has read everything that was sent before. */
async function heard(client: TestClient): Promise<void> {
  const id = client.messages.length + 1_000_000;
  client.send({ type: 'ping', id });
  await client.until(() => client.messages.find((message) => message.type === 'pong' && message.id === id));
}

const feeds = () => [bytes('mask', [0, 0, 0]), floats('x', [1, 4], [1, 2, 3, 4])];
const tableOf = (model: PreparedModel) => [...model.tables.keys()][0] ?? '';
async function reserve(client: TestClient, id: number, model = tiny, more: object = {}): Promise<void> {
  client.send({ type: 'reserve', id, model: model.manifest.model, table: tableOf(model), cut: 0, ...more });
  await heard(client);
}
/** Everything that the edge said of this id. */
const saidOf = (client: TestClient, id: number) =>
  client.messages.filter((message) => 'id' in message && message.id === id && message.type !== 'pong');

/** Keeps the only worker for a while. */
async function keepBusy(): Promise<TestClient> {
  const client = await open();
  client.infer(1, endless, 0, [floats('x', [1], [0])]);
  await vi.waitFor(() => expect(server.load().inFlight).toBe(1));
  return client;
}

async function servedAtMs(client: TestClient, id: number): Promise<number> {
  return (await client.result(id)).message.load.atMs;
}

describe('a reservation', () => {
  it('puts a request before those that came between, also of clients whose payload was whole long before', async () => {
    const [first, second, running] = [await open(), await open(), await keepBusy()];
    await reserve(first, 1);
    second.infer(1, tiny, 0, feeds());
    await heard(second);
    expect(server.load()).toMatchObject({ inFlight: 1, queueDepth: 1 });
    first.infer(1, tiny, 0, feeds());
    await heard(first);
    expect(server.load(), 'the long tail still runs').toMatchObject({ inFlight: 1, queueDepth: 2, announcedMs: 0 });
    expect(await servedAtMs(first, 1)).toBeLessThan(await servedAtMs(second, 1));
    await running.result(1);
  });

  it('keeps the order of reservations within one client', async () => {
    const client = await open();
    await keepBusy();
    for (const id of [1, 2]) await reserve(client, id);
    client.infer(2, tiny, 0, feeds());
    client.infer(1, tiny, 0, feeds());
    await heard(client);
    expect(server.load()).toMatchObject({ inFlight: 1, queueDepth: 2 });
    expect(await servedAtMs(client, 1)).toBeLessThan(await servedAtMs(client, 2));
  });

  it('keeps nobody waiting, nor does an upload', async () => {
    const [reserving, uploading, other] = [await open(), await open(), await open()];
    await reserve(reserving, 1);
    uploading.infer(1, tiny, 0, feeds(), { withoutPayload: true });
    await heard(uploading);
    for (const id of [1, 2, 3]) {
      other.infer(id, tiny, 0, feeds());
      await other.result(id);
    }
    expect(saidOf(reserving, 1).concat(saidOf(uploading, 1)), 'nothing starts before its payload is whole').toEqual([]);
    expect(server.load()).toMatchObject({ inFlight: 0, queueDepth: 0, queueMs: 0 });
    reserving.infer(1, tiny, 0, feeds());
    for (const chunk of chunksOf(1, encodeTensors(feeds()).parts)) uploading.socket.send(chunk);
    await reserving.result(1);
    await uploading.result(1);
  });

  it('is told to all as work that is announced, until its payload is whole', async () => {
    server = await serve();
    const client = await open();
    const other = await open();
    await reserve(client, 1, announced);
    expect(server.load()).toMatchObject({ announcedMs: TAIL_MS, queueMs: 0, queueDepth: 0 });
    await other.until(() =>
      other.messages.find((message) => message.type === 'load' && message.load.announcedMs === TAIL_MS),
    );
    const feed = [floats('x', [1], [0])];
    client.infer(1, announced, 0, feed, { withoutPayload: true });
    await heard(client);
    expect(server.load().announcedMs, 'once, also while it is uploaded').toBe(TAIL_MS);
    client.infer(2, announced, 0, feed, { withoutPayload: true });
    await heard(client);
    expect(server.load().announcedMs, 'so is an upload without a reservation').toBe(2 * TAIL_MS);
    for (const id of [1, 2]) {
      for (const chunk of chunksOf(id, encodeTensors(feed).parts)) client.socket.send(chunk);
      await client.result(id);
    }
    expect(server.load().announcedMs).toBe(0);
  });

  it('is shared out over the workers', async () => {
    server = await serve({ workers: 2 });
    await reserve(await open(), 1, announced);
    expect(server.load().announcedMs).toBe(TAIL_MS / 2);
  });

  it('is given back without a word when it is cancelled, and its id is free', async () => {
    const client = await open();
    await reserve(client, 1, announced);
    client.send({ type: 'cancel', id: 1 });
    await heard(client);
    expect(server.load().announcedMs).toBe(0);
    expect(saidOf(client, 1)).toEqual([]);
    client.infer(1, tiny, 0, feeds());
    await client.result(1);
  });

  it('whose request is cancelled during its upload or while it waits is over, answered once', async () => {
    const client = await open();
    await keepBusy();
    for (const id of [1, 2]) await reserve(client, id);
    client.infer(1, tiny, 0, feeds(), { withoutPayload: true });
    client.infer(2, tiny, 0, feeds());
    await heard(client);
    for (const id of [1, 2]) client.send({ type: 'cancel', id });
    await heard(client);
    expect(server.load()).toMatchObject({ announcedMs: 0, queueDepth: 0 });
    for (const id of [1, 2]) expect(saidOf(client, id)).toMatchObject([{ type: 'error', code: 'cancelled' }]);
  });

  it('is over when its request does not come, without a word; the request may come later all the same', async () => {
    server = await serve({ uploadIdleMs: 200 });
    const client = await open();
    await reserve(client, 1, announced);
    expect(server.load().announcedMs).toBe(TAIL_MS);
    await vi.waitFor(() => expect(server.load().announcedMs).toBe(0), 5_000);
    await heard(client);
    expect(saidOf(client, 1)).toEqual([]);
    client.infer(1, tiny, 0, feeds());
    await client.result(1);
  });

  it('ends with its connection', async () => {
    const client = await open();
    for (const id of [1, 2, 3]) await reserve(client, id, announced);
    expect(server.load().announcedMs).toBe(3 * TAIL_MS);
    client.socket.terminate();
    await vi.waitFor(() => expect(server.load().announcedMs).toBe(0));
  });

  it('beyond the limit of a connection is not held, and its request is served like any other', async () => {
    const client = await open();
    for (let id = 1; id <= 20; id += 1) await reserve(client, id, announced);
    expect(server.load().announcedMs).toBe(MAX_IN_FLIGHT * TAIL_MS);
    const other = await open();
    await reserve(other, 1, announced);
    expect(server.load().announcedMs, 'a limit of each').toBe((MAX_IN_FLIGHT + 1) * TAIL_MS);
    for (const id of [20, 1]) {
      client.infer(id, tiny, 0, feeds());
      await client.result(id);
    }
  });

  it('counts together with what is unanswered', async () => {
    const client = await open();
    for (let id = 1; id <= 4; id += 1) client.infer(id, tiny, 0, feeds(), { withoutPayload: true });
    await heard(client);
    const before = server.load().announcedMs ?? 0;
    for (let id = 5; id <= 9; id += 1) await reserve(client, id, announced);
    expect(server.load().announcedMs).toBeCloseTo(before + 2 * TAIL_MS, 2);
  });

  it('does not make an edge full', async () => {
    const [client, other] = [await open(), await open()];
    for (const each of [client, other]) {
      for (let id = 1; id <= MAX_IN_FLIGHT; id += 1) await reserve(each, id);
    }
    const third = await keepBusy();
    for (const id of [2, 3, 4]) third.infer(id, tiny, 0, feeds());
    expect(await third.errorOf(4)).toBe('overloaded');
    // One that was reserved is refused like any other, and leaves nothing behind.
    client.infer(1, tiny, 0, feeds());
    expect(await client.errorOf(1)).toBe('overloaded');
    for (const id of [1, 2, 3]) await third.result(id);
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
  });
});

describe('a reservation that is wrong is ignored, and its request hears why:', () => {
  const cases: [string, object, string][] = [
    ['an unknown model', { model: 'nothing' }, 'unknown_model'],
    ['a model with the name of something every object has', { model: 'constructor' }, 'unknown_model'],
    ['a model that is not ready', { model: 'late' }, 'model_not_ready'],
    ['another table', { table: 'f'.repeat(64) }, 'stale_manifest'],
    ['a cut that is not listed', { cut: 2 }, 'unknown_cut'],
    ['the local cut', { cut: 4 }, 'unknown_cut'],
  ];

  it.each(cases)('%s', async (_, more, code) => {
    const client = await open();
    await reserve(client, 1, tiny, more);
    expect(server.load().announcedMs).toBe(0);
    expect(saidOf(client, 1)).toEqual([]);
    const { tensors, numBytes } = encodeTensors(feeds());
    client.send({ type: 'infer', id: 1, model: 'tiny', table: tableOf(tiny), cut: 0, tensors, numBytes, ...more });
    expect(await client.errorOf(1)).toBe(code);
    await reserve(client, 2);
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
  });

  it('a request that is wrong gives its place back', async () => {
    const client = await open();
    await reserve(client, 1, announced);
    client.infer(1, announced, 0, feeds(), { withoutPayload: true });
    expect(await client.errorOf(1)).toBe('bad_tensors');
    expect(server.load().announcedMs).toBe(0);
  });

  it('a request for another cut than was reserved takes a place of its own, at the end', async () => {
    const [first, second] = [await open(), await open()];
    await keepBusy();
    await reserve(first, 1, tiny, { cut: 1 });
    second.infer(1, tiny, 0, feeds());
    await heard(second);
    first.infer(1, tiny, 0, feeds());
    await heard(first);
    expect(server.load()).toMatchObject({ announcedMs: 0, queueDepth: 2 });
    expect(await servedAtMs(second, 1)).toBeLessThan(await servedAtMs(first, 1));
  });
});

describe('an edge that stops', () => {
  it('waits for no reservation and takes none', async () => {
    server = await serve();
    const client = await open();
    const running = await keepBusy();
    await reserve(client, 1, announced);
    client.infer(2, announced, 0, [floats('x', [1], [0])], { withoutPayload: true });
    await heard(client);
    const stopped = server.stop();
    expect(await client.errorOf(2)).toBe('shutting_down');
    expect(server.load().announcedMs).toBe(0);
    await reserve(client, 3, announced);
    expect(server.load().announcedMs).toBe(0);
    await running.result(1);
    await stopped;
    expect(saidOf(client, 1).concat(saidOf(client, 3))).toEqual([]);
  });
});
