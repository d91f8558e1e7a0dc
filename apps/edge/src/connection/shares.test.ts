import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { floats, TestClient } from '../testing/test-client.js';
import { echoModel, slowModel } from '../testing/tiny-models.js';

/** What clients leave to each other, over real sockets; a proxy that is trusted says whose they are. */

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-shares-'));
const MAX_QUEUE = 64;
const UPLOAD_BYTES = 800_000;
const [GREEDY, MODEST] = ['198.51.100.1', '198.51.100.2'];
let server: RunningServer;
/** Takes long enough for anything that a test says meanwhile. */
let long: PreparedModel;
let short: PreparedModel;
let large: PreparedModel;
let clients: TestClient[] = [];
/** Names of requests in the order in which they were answered. */
let answered: string[] = [];

beforeAll(async () => {
  long = slowModel(objectsDir, 'long', 2_000);
  short = slowModel(objectsDir, 'short', 50);
  large = echoModel(objectsDir, UPLOAD_BYTES / 4, 'large');
  server = await startServer({
    catalog: new MemoryCatalog(long, short, large),
    port: 0,
    workers: 1,
    maxQueue: MAX_QUEUE,
    maxRequestBytes: UPLOAD_BYTES,
    maxUploadBytes: 8 * UPLOAD_BYTES,
    maxInFlightPerClient: 100,
    trustProxy: ['127.0.0.1'],
    canary: false,
    logLevel: 'silent',
  });
  await server.warmedUp();
});
afterEach(async () => {
  for (const client of clients) client.close();
  [clients, answered] = [[], []];
  await vi.waitFor(() => expect(server.load()).toMatchObject({ inFlight: 0, queueDepth: 0, clients: 0 }), 10_000);
});
afterAll(async () => {
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

async function open(address: string): Promise<TestClient> {
  const client = await TestClient.open(server.url, { headers: { 'x-forwarded-for': address } });
  clients.push(client);
  return client;
}

const openMany = async (address: string, count: number) =>
  await Promise.all(Array.from({ length: count }, () => open(address)));

const x = () => [floats('x', [1], [0])];

/** Sends a request; what became of it is noted under this name. */
function ask(client: TestClient, id: number, name: string): void {
  client.infer(id, short, 0, x());
  void client.answer(id).then((answer) => answered.push('outputs' in answer ? name : `${name} ${answer.code}`));
}

/** The one worker is taken while the test says what it has to say, and everything of it has come. */
async function whileBusy(say: () => void, waiting: number): Promise<void> {
  const other = await open('198.51.100.99');
  other.infer(1, long, 0, x());
  await vi.waitFor(() => expect(server.load().inFlight).toBe(1));
  say();
  await vi.waitFor(() => expect(server.load().queueDepth).toBe(waiting));
  expect(server.load().inFlight, 'still the first').toBe(1);
  await other.result(1);
}

const answeredBefore = (name: string) => answered.slice(0, answered.indexOf(name));

describe('a client that had much', () => {
  it('is not forgiven because it connects anew', async () => {
    const before = await open(GREEDY);
    const modest = await open(MODEST);
    ask(modest, 1, 'first');
    for (let id = 1; id <= 120; id += 1) {
      before.infer(id, short, 0, x());
      await before.result(id);
    }
    before.close();
    await vi.waitFor(() => expect(server.load().clients).toBe(1));
    const [again] = await openMany(GREEDY, 1);
    answered = [];
    await whileBusy(() => {
      for (const id of [1, 2]) ask(again as TestClient, id, 'greedy');
      setTimeout(() => {
        for (const id of [2, 3, 4]) ask(modest, id, 'modest');
      }, 50);
    }, 5);
    await vi.waitFor(() => expect(answered).toHaveLength(5), 10_000);
    expect(answered).toEqual(['modest', 'modest', 'modest', 'greedy', 'greedy']);
  });
});

describe('a client with nine connections', () => {
  it('has no more turns than one with a single one', async () => {
    const greedy = await openMany(GREEDY, 9);
    const modest = await open(MODEST);
    await whileBusy(() => {
      for (const client of greedy) for (const id of [1, 2]) ask(client, id, 'greedy');
      // From another socket: what was sent before may come later.
      setTimeout(() => ask(modest, 1, 'modest'), 50);
    }, 19);
    await vi.waitFor(() => expect(answered).toHaveLength(19), 10_000);
    expect(answeredBefore('modest').length).toBeLessThanOrEqual(2);
  });

  it('leaves places in the queue to others', async () => {
    const greedy = await openMany(GREEDY, 9);
    const modest = await open(MODEST);
    const taken = MAX_QUEUE / 2 + 1;
    await whileBusy(() => {
      for (const client of greedy) for (let id = 1; id <= 8; id += 1) ask(client, id, 'greedy');
      setTimeout(() => ask(modest, 1, 'modest'), 50);
    }, taken + 1);
    await vi.waitFor(() => expect(answered).toHaveLength(73), 10_000);
    expect(answered.filter((name) => name === 'greedy overloaded')).toHaveLength(72 - taken);
    expect(answered).toContain('modest');
  });

  it('leaves memory to others', async () => {
    const greedy = await openMany(GREEDY, 4);
    const modest = await open(MODEST);
    const picture = [
      { name: 'x', type: 'float32' as const, dims: [UPLOAD_BYTES / 4], data: new Float32Array(UPLOAD_BYTES / 4) },
    ];
    const upload = (client: TestClient) => client.infer(1, large, 0, picture, { withoutPayload: true });
    for (const client of greedy.slice(0, 2)) upload(client);
    await vi.waitFor(() => expect(server.load().announcedMs).toBeGreaterThan(0));
    for (const client of greedy.slice(2)) upload(client);
    for (const client of greedy.slice(2)) expect(await client.errorOf(1)).toBe('too_many_in_flight');
    modest.infer(1, large, 0, picture);
    await modest.result(1);
  });

  it('holds places for what is still to come on all of them together', async () => {
    const greedy = await openMany(GREEDY, 20);
    const [table = ''] = short.tables.keys();
    for (const client of greedy) {
      for (let id = 1; id <= 8; id += 1) client.send({ type: 'reserve', id, model: 'short', table, cut: 0 });
      client.send({ type: 'ping', id: 1 });
    }
    for (const client of greedy) await client.until(() => client.messages.find(({ type }) => type === 'pong'));
    // Of 160.
    expect(server.load().announcedMs).toBeCloseTo(100 * (server.load().k.short ?? 1) * 200, -2);
  });
});

describe('several users of one address', () => {
  it('take turns, whatever one of them asks for', async () => {
    const [greedy, modest] = await openMany(GREEDY, 2);
    await whileBusy(() => {
      for (let id = 1; id <= 8; id += 1) ask(greedy as TestClient, id, 'greedy');
      setTimeout(() => ask(modest as TestClient, 1, 'modest'), 50);
    }, 9);
    await vi.waitFor(() => expect(answered).toHaveLength(9), 10_000);
    expect(answeredBefore('modest').length).toBeLessThanOrEqual(2);
  });
});

describe('a client over HTTP', () => {
  it('shares its turns with its WebSockets', async () => {
    const sockets = await openMany(GREEDY, 2);
    const modest = await open(MODEST);
    const infer = (name: string) => {
      const headers = { 'x-forwarded-for': GREEDY, 'content-type': 'application/json' };
      const asked = request(`${server.url}/v2/models/short/infer`, { method: 'POST', headers }, (response) => {
        response.resume().on('end', () => answered.push(`${name} ${response.statusCode}`));
      });
      asked.end(JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] }));
    };
    await whileBusy(() => {
      for (const client of sockets) for (const id of [1, 2]) ask(client, id, 'greedy');
      for (let index = 0; index < 4; index += 1) infer('http');
      setTimeout(() => ask(modest, 1, 'modest'), 100);
    }, 9);
    await vi.waitFor(() => expect(answered).toHaveLength(9), 10_000);
    expect(answered.filter((name) => name === 'http 200')).toHaveLength(4);
    expect(answeredBefore('modest').length).toBeLessThanOrEqual(2);
  });
});
