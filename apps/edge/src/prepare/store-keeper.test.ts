import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelEntry } from '../models/entry.js';
import { tinyModel } from '../testing/tiny-models.js';
import type { Cleared } from './clear-store.js';
import { ObjectStore } from './store.js';
import { StoreKeeper } from './store-keeper.js';

const DAY_MS = 24 * 3_600_000;
/** Keys are hashes. */
const [SERVED, FORMER] = ['5', 'f'].map((digit) => digit.repeat(64)) as [string, string];
const LONG_AGO = new Date(Date.now() - 30 * DAY_MS);

let storeDir = '';
let store: ObjectStore;
beforeAll(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'cutpoint-keeper-'));
  store = new ObjectStore(storeDir);
  await store.open();
});
afterAll(async () => {
  await rm(storeDir, { recursive: true });
});

async function record(key: string, model: string, table: string): Promise<void> {
  await store.putRecord(key, { manifest: { model, variants: [{ table }] }, objects: [[table, 1]] });
  for (const file of [store.path(table), join(storeDir, 'prepared', `${key}.json`)]) {
    await utimes(file, LONG_AGO, LONG_AGO);
  }
}

it('keeps what this edge serves, for other edges to see, and clears away what none does', async () => {
  const tiny = tinyModel(store.objectsDir);
  const { model } = tiny.manifest;
  const table = await store.put(Buffer.from('table'));
  const prepared = { ...tiny, tables: new Map([...tiny.tables.values()].map((cuts) => [table, cuts])) };
  const served: ModelEntry = { name: model, version: '1', description: '', status: 'ready', prepared };
  const cleared: Cleared[] = [];
  const of = (models: readonly ModelEntry[]) =>
    new StoreKeeper({
      storeDir,
      keepMs: 7 * DAY_MS,
      models: () => models,
      onCleared: (what) => cleared.push(what),
      onError: (error) => expect.unreachable(String(error)),
    });
  await record(SERVED, model, table);
  await record(FORMER, model, await store.put(Buffer.from('former')));
  await of([served]).look();
  expect(await store.recordKeys()).toEqual([SERVED]);
  expect(cleared).toMatchObject([{ records: 1 }]);

  // Nobody knows any more what belongs to it, but for the edge that serves it.
  const graph = tiny.tables.values().next().value?.cuts[0]?.tailGraph ?? '';
  const recordFile = join(storeDir, 'prepared', `${SERVED}.json`);
  const text = await readFile(recordFile);
  await writeFile(recordFile, 'damaged');
  for (const file of [recordFile, store.path(graph)]) await utimes(file, LONG_AGO, LONG_AGO);
  await of([served]).look();
  expect(await store.recordKeys()).toEqual([]);
  expect(existsSync(store.path(graph))).toBe(true);
  await writeFile(recordFile, text);

  // Of another edge on the same store, which has no such model.
  await of([]).look();
  expect(await store.recordKeys()).toEqual([SERVED]);
});
