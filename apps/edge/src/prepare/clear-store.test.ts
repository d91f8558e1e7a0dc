import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clearStore } from './clear-store.js';
import { ObjectStore } from './store.js';

const DAY_MS = 24 * 3_600_000;
const options = { keepMs: 7 * DAY_MS, models: new Set<string>(), inUse: [] };

let dir = '';
let store: ObjectStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cutpoint-clear-'));
  store = new ObjectStore(dir);
  await store.open();
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const recordFile = (key: string) => join(dir, 'prepared', `${key}.json`);

async function age(file: string, days: number): Promise<void> {
  const at = new Date(Date.now() - days * DAY_MS);
  await utimes(file, at, at);
}

async function object(content: string, days: number): Promise<string> {
  const sha256 = await store.put(Buffer.from(content));
  await age(store.path(sha256), days);
  return sha256;
}

/** A version with a table of its own, and whatever else it shares with others. */
async function version(key: string, { model = 'net', days, objects = [] as string[] }: VersionOptions) {
  const table = await object(`table of ${key}`, days);
  await store.putRecord(key, {
    manifest: { model, variants: [{ table }] },
    objects: [table, ...objects].map((sha256) => [sha256, 1]),
    weights: 'own',
    notes: [],
  });
  await age(recordFile(key), days);
  return table;
}
interface VersionOptions {
  readonly model?: string;
  readonly days: number;
  readonly objects?: string[];
}

it('removes a version that was not used for long, and what no other version needs of it', async () => {
  const [shared, own] = [await object('shared', 30), await object('own', 30)];
  const gone = await version('former', { days: 8, objects: [shared, own] });
  const table = await version('current', { days: 6, objects: [shared] });
  const cleared = await clearStore(store, options);
  expect(cleared).toEqual({ records: 1, objects: 2, numBytes: 'own'.length + 'table of former'.length });
  expect(await store.recordKeys()).toEqual(['current']);
  expect((await readdir(store.objectsDir)).toSorted()).toEqual([shared, table].toSorted());
  expect(await readdir(store.objectsDir)).not.toContain(gone);
});

it('keeps the version of each of its models that was used last, however long ago', async () => {
  await version('first', { days: 90 });
  await version('second', { days: 60 });
  await version('of-another', { model: 'other', days: 60 });
  await clearStore(store, { ...options, models: new Set(['net']) });
  expect(await store.recordKeys()).toEqual(['second']);
});

it('keeps what another edge serves: it touches its tables', async () => {
  const table = await version('old', { days: 90 });
  await store.touch(table);
  expect(await clearStore(store, options)).toMatchObject({ records: 0, objects: 0 });
  expect(await store.recordKeys()).toEqual(['old']);
});

it('leaves what somebody begins to use at this moment', async () => {
  const table = await version('old', { days: 90 });
  const remove = store.removeRecord.bind(store);
  store.removeRecord = async (key, isWanted) => {
    await store.touch(table);
    return await remove(key, isWanted);
  };
  expect(await clearStore(store, options)).toMatchObject({ records: 0, objects: 0 });
  expect(await store.recordKeys()).toEqual(['old']);
  expect(await readdir(store.objectsDir)).toEqual([table]);
});

it('leaves what is being prepared: objects come before their record, new or there already', async () => {
  const written = await object('new', 0);
  const found = await object('there already', 30);
  await store.put(Buffer.from('there already'));
  expect(await clearStore(store, options)).toMatchObject({ objects: 0 });
  expect((await readdir(store.objectsDir)).toSorted()).toEqual([written, found].toSorted());
});

it('removes no object while it cannot read what a record needs, and a record that nobody can read when it is old', async () => {
  await object('whose?', 30);
  await writeFile(recordFile('damaged'), 'no record');
  expect(await clearStore(store, options)).toEqual({ records: 0, objects: 0, numBytes: 0 });
  await age(recordFile('damaged'), 8);
  expect(await clearStore(store, options)).toMatchObject({ records: 1, objects: 1 });
});
