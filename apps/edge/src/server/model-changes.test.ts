import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelRepository } from '../models/repository.js';
import { prepareModel } from '../prepare/prepare.js';
import type { PreparedModel } from '../prepare/prepared.js';
import { servedModel, untilLoad } from '../testing/served-model.js';
import { type Answer, floats, TestClient } from '../testing/test-client.js';
import { slowOnnx } from '../testing/tiny-models.js';
import { FLOAT, tinyOnnx } from '../testing/tiny-onnx.js';
import { type RunningServer, startServer } from './start.js';

/** Real files, prepared for real, behind real sockets: what people do to a repository while it is served. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-model-changes-'));
const DRAIN_MS = 1_500;
let repository: ModelRepository;
let server: RunningServer;

/** `y` is so many times `x`. */
function timesOnnx(times: number): Uint8Array {
  const nodes = Array.from({ length: times - 1 }, (_, index) => ({
    op: 'Add',
    in: [index === 0 ? 'x' : `s${index - 1}`, 'x'],
    out: index === times - 2 ? 'y' : `s${index}`,
  }));
  const dims = [4];
  return tinyOnnx({
    inputs: [{ name: 'x', type: FLOAT, dims }],
    outputs: [{ name: 'y', type: FLOAT, dims }],
    nodes,
  });
}

/** As a careful person replaces a file. */
function putModel(name: string, file: Uint8Array | string, config: object = {}): void {
  const dir = join(folder, 'models', name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'new'), file);
  renameSync(join(dir, 'new'), join(dir, 'net.onnx'));
  const whole = { description: name, source: { file: 'net.onnx' }, ...config };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(whole));
}

const post = async (path: string, body?: string) =>
  await fetch(`${server.url}/v2/repository/${path}`, { method: 'POST', ...(body === undefined ? {} : { body }) });
const load = async (name: string) => await post(`models/${name}/load`);
const stateOf = async (name: string) => {
  const models = (await (await post('index', '{}')).json()) as { name: string; state: string; reason: string }[];
  return models.find((model) => model.name === name);
};
const feeds = [floats('x', [4], [1, 2, 3, 4])];
const timesIn = (answer: Answer) => Number(answer.outputs.y?.[0]);

beforeAll(async () => {
  putModel('sum', timesOnnx(2));
  putModel('slow', slowOnnx(200));
  repository = new ModelRepository({
    dir: join(folder, 'models'),
    storeDir: join(folder, 'store'),
    prepare: prepareModel,
  });
  await repository.scan();
  server = await startServer({
    catalog: repository,
    port: 0,
    workers: 2,
    canary: false,
    logLevel: 'silent',
    modelDrainMs: DRAIN_MS,
  });
  await repository.prepareAll();
  await server.warmedUp();
});

afterAll(async () => {
  await Promise.all([server.stop(), repository.stop()]);
  rmSync(folder, { recursive: true });
});

/** Keeps asking, as a client that takes what it is told: the new manifest when its own is old. */
async function keepAsking(model: PreparedModel, until: AbortSignal) {
  const client = await TestClient.open(server.url);
  const seen: number[] = [];
  const refused: string[] = [];
  let known = model;
  for (let id = 1; !until.aborted; id += 1) {
    client.infer(id, known, 0, feeds);
    const answer = await client.answer(id);
    if ('outputs' in answer) seen.push(timesIn(answer));
    else refused.push(answer.code);
    const isStale = 'outputs' in answer ? answer.message.stale === true : answer.code === 'stale_manifest';
    if (isStale) known = await servedModel(server.url, 'sum');
  }
  client.close();
  return { seen, refused };
}

describe('a model that changes while it is served', () => {
  it('is replaced under load without a request that is lost or refused, and clients hear of it', async () => {
    const before = await servedModel(server.url, 'sum');
    const over = new AbortController();
    const clients = [1, 2, 3].map(() => keepAsking(before, over.signal));
    putModel('sum', timesOnnx(3));
    expect((await load('sum')).status).toBe(200);
    const after = await servedModel(server.url, 'sum');
    expect(after.tables).not.toEqual(before.tables);
    await delay(100);
    over.abort();
    for (const { seen, refused } of await Promise.all(clients)) {
      expect(refused).toEqual([]);
      expect(seen[0]).toBe(2);
      expect(seen.at(-1)).toBe(3);
      // No way back.
      expect(seen.lastIndexOf(2)).toBeLessThan(seen.indexOf(3));
    }
  });

  it('serves the tables of its former version until the drain limit, then says what to do, and frees its tails', async () => {
    const before = await servedModel(server.url, 'sum');
    const openTails = async (count: number) =>
      await vi.waitFor(() => expect(server.dispatcher.openTails.count).toBe(count), { timeout: 5_000 });
    // One of each model on each of two workers: the version before this one is gone.
    await openTails(4);
    const client = await TestClient.open(server.url);
    putModel('sum', timesOnnx(4));
    expect((await load('sum')).status).toBe(200);
    client.infer(1, before, 0, feeds);
    const answer = await client.result(1);
    expect([timesIn(answer), answer.message.stale]).toEqual([3, true]);
    await openTails(6);
    const [table = ''] = before.tables.keys();
    expect((await fetch(`${server.url}/v1/tables/${table}`)).status).toBe(200);

    await openTails(4);
    client.infer(2, before, 0, feeds);
    expect(await client.errorOf(2)).toBe('stale_manifest');
    expect((await fetch(`${server.url}/v1/tables/${table}`)).status).toBe(404);
    client.infer(3, await servedModel(server.url, 'sum'), 0, feeds);
    expect(timesIn(await client.result(3))).toBe(4);
    client.close();
  });

  it('is served on when its next version cannot be, and says why', async () => {
    const before = await servedModel(server.url, 'sum');
    putModel('sum', 'no network at all');
    const refused = await load('sum');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining('not_a_model') });
    expect(await stateOf('sum')).toMatchObject({ state: 'READY', reason: expect.stringContaining('not_a_model') });
    expect((await fetch(`${server.url}/v2/models/sum/ready`)).status).toBe(200);
    const client = await TestClient.open(server.url);
    client.infer(1, before, 0, feeds);
    const answer = await client.result(1);
    expect([timesIn(answer), answer.message.stale]).toEqual([4, undefined]);
    client.close();

    putModel('sum', timesOnnx(4));
    expect((await load('sum')).status).toBe(200);
    expect(await stateOf('sum')).toMatchObject({ state: 'READY', reason: '' });
    expect(await servedModel(server.url, 'sum'), 'nothing is new about it').toEqual(before);
  });

  it('is served on when the store cannot be written, and replaced when it can', async () => {
    const prepared = join(folder, 'store/prepared');
    renameSync(prepared, join(folder, 'kept'));
    writeFileSync(prepared, 'in the way');
    putModel('sum', timesOnnx(5));
    const refused = await load('sum');
    expect([refused.status, await refused.json()]).toEqual([400, { error: expect.stringContaining('store_failed') }]);
    expect(await stateOf('sum')).toMatchObject({ state: 'READY', reason: expect.stringContaining('store_failed') });
    const client = await TestClient.open(server.url);
    client.infer(1, await servedModel(server.url, 'sum'), 0, feeds);
    expect(timesIn(await client.result(1))).toBe(4);
    rmSync(prepared);
    renameSync(join(folder, 'kept'), prepared);
    expect((await load('sum')).status).toBe(200);
    client.infer(2, await servedModel(server.url, 'sum'), 0, feeds);
    expect(timesIn(await client.result(2))).toBe(5);
    client.close();
    putModel('sum', timesOnnx(4));
    expect((await load('sum')).status).toBe(200);
  });

  it('is served on when its file vanished', async () => {
    const before = await servedModel(server.url, 'sum');
    rmSync(join(folder, 'models/sum/net.onnx'));
    await repository.refresh();
    expect(await stateOf('sum')).toMatchObject({ state: 'READY', reason: expect.stringContaining('source_missing') });
    const client = await TestClient.open(server.url);
    client.infer(1, before, 0, feeds);
    expect(timesIn(await client.result(1))).toBe(4);
    client.close();
    putModel('sum', timesOnnx(4));
  });

  it('is prepared anew when what was prepared of it is damaged', async () => {
    const before = await servedModel(server.url, 'sum');
    const [table] = before.tables.values();
    const object = join(folder, 'store/objects', table?.cuts[0]?.tailGraph ?? '');
    rmSync(object);
    expect((await load('sum')).status).toBe(200);
    const client = await TestClient.open(server.url);
    client.infer(1, await servedModel(server.url, 'sum'), 0, feeds);
    expect(timesIn(await client.result(1))).toBe(4);
    client.close();
  });
});

describe('a model that comes', () => {
  it('is found with the others that came, and one that is broken takes none of them down', async () => {
    putModel('broken', 'no network at all');
    putModel('came', timesOnnx(2));
    await repository.refresh();
    expect(await stateOf('came')).toMatchObject({ state: 'READY' });
    expect(await stateOf('sum')).toMatchObject({ state: 'READY' });
    expect(await stateOf('broken')).toMatchObject({
      state: 'UNAVAILABLE',
      reason: expect.stringMatching(/broken: .*\(not_a_model\)/),
    });
    const ready = await fetch(`${server.url}/v2/models/broken/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { name: 'broken', ready: false, error: expect.stringContaining('failed') },
    ]);
    await server.warmedUp();
    expect((await fetch(`${server.url}/v2/health/ready`)).status).toBe(200);
    const listed = (await (await post('index', '{"ready": true}')).json()) as { name: string }[];
    expect(listed.map(({ name }) => name)).toEqual(['came', 'slow', 'sum']);

    putModel('broken', timesOnnx(2));
    await repository.refresh();
    expect(await stateOf('broken')).toMatchObject({ state: 'READY', reason: '' });
  });

  it('on demand, and fails, is tried again for whoever asks once it is mended', async () => {
    putModel('later', 'no network at all', { onDemand: true });
    await repository.refresh();
    const ask = async () => await fetch(`${server.url}/v1/models/later/manifest`);
    const settled = async () => {
      await vi.waitUntil(() => repository.get('later')?.status !== 'preparing', { timeout: 20_000 });
      return repository.get('later')?.status;
    };
    expect((await ask()).status).toBe(202);
    expect(await settled()).toBe('failed');
    expect(await (await ask()).json()).toMatchObject({ message: expect.stringContaining('failed') });
    expect(repository.get('later')?.status, 'nothing has changed').toBe('failed');
    putModel('later', timesOnnx(2), { onDemand: true });
    expect((await ask()).status).toBe(202);
    expect(await settled()).toBe('ready');
    expect((await ask()).status).toBe(200);
  });
});

describe('a model that goes', () => {
  it('under load has what was taken answered, everything else refused, and its tails freed', async () => {
    const slow = await servedModel(server.url, 'slow');
    const client = await TestClient.open(server.url);
    for (const id of [1, 2, 3, 4]) client.infer(id, slow, 0, [floats('x', [1], [1])]);
    await untilLoad(server.url, ({ inFlight, queueDepth }) => inFlight === 2 && queueDepth === 2);
    const open = server.dispatcher.openTails.count;
    rmSync(join(folder, 'models/slow'), { recursive: true });
    await repository.refresh();
    client.infer(5, slow, 0, [floats('x', [1], [1])]);
    expect(await client.errorOf(5)).toBe('unknown_model');
    for (const id of [1, 2, 3, 4]) expect((await client.result(id)).message.id).toBe(id);
    expect((await fetch(`${server.url}/v1/models/slow/manifest`)).status).toBe(404);
    await vi.waitFor(() => expect(server.dispatcher.openTails.count).toBe(open - 2), { timeout: 5_000 });
    client.close();
  });

  it('by being unloaded is there until it is loaded again, whatever else is read anew', async () => {
    const came = await servedModel(server.url, 'came');
    expect((await post('models/came/unload')).status).toBe(200);
    await repository.refresh();
    expect(await stateOf('came')).toMatchObject({
      state: 'UNAVAILABLE',
      reason: expect.stringContaining('unloaded'),
    });
    const client = await TestClient.open(server.url);
    client.infer(1, came, 0, feeds);
    expect(await client.errorOf(1)).toBe('model_not_ready');
    expect((await load('came')).status).toBe(200);
    client.infer(2, came, 0, feeds);
    expect(timesIn(await client.result(2))).toBe(2);
    client.close();
  });

  it('with the whole folder does not: a disk that is not there is no wish', async () => {
    renameSync(join(folder, 'models'), join(folder, 'elsewhere'));
    await expect(repository.refresh()).rejects.toMatchObject({ code: 'store_failed' });
    expect(await stateOf('sum')).toMatchObject({ state: 'READY' });
    renameSync(join(folder, 'elsewhere'), join(folder, 'models'));
  });
});

describe('what is asked of the repository', () => {
  it('must be something that is there', async () => {
    for (const what of ['load', 'unload']) {
      const { status } = await post(`models/nothing/${what}`);
      expect(status).toBe(404);
    }
    expect((await post('index', 'no JSON')).status).toBe(400);
    const given = await post('models/sum/load', '{"parameters": {"config": "{}"}}');
    expect(given.status).toBe(400);
    expect(await given.json()).toMatchObject({ error: expect.stringContaining('config') });
  });
});
