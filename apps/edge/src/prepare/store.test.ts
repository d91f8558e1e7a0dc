import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelError } from '../models/error.js';
import { sha256Of } from '../models/hash.js';
import { ObjectStore } from './store.js';

let dir = '';
let store: ObjectStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cutpoint-store-'));
  store = new ObjectStore(dir);
  await store.open();
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe('the object store', () => {
  it('names objects by their content and replaces damaged ones', async () => {
    const bytes = Buffer.from('weights');
    const sha256 = await store.put(bytes);
    expect(sha256).toBe(sha256Of('weights'));
    await writeFile(store.path(sha256), 'WEIGHTS');
    await expect(store.read(sha256)).rejects.toMatchObject({ code: 'store_failed' });
    await store.put(bytes);
    expect((await store.read(sha256)).toString()).toBe('weights');
    expect(await readdir(store.objectsDir)).toEqual([sha256]);
  });

  it('survives many writers of one object', async () => {
    const bytes = Buffer.alloc(1_000_000, 7);
    await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
    expect(await readdir(store.objectsDir)).toEqual([sha256Of(bytes)]);
    expect(bytes.equals(await store.read(sha256Of(bytes)))).toBe(true);
  });

  it('knows no record that was touched', async () => {
    await store.putRecord('key', { a: 1 });
    expect(await store.readRecord('key')).toEqual({ a: 1 });
    const file = join(dir, 'prepared/key.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"a":1', '"a":2'));
    expect(await store.readRecord('key')).toBeUndefined();
    await writeFile(file, '');
    expect(await store.readRecord('key')).toBeUndefined();
    expect(await store.readRecord('other')).toBeUndefined();
  });

  it('sweeps up what a killed process left, but not what another is writing', async () => {
    const sha256 = await store.put(Buffer.from('kept'));
    const [old, recent] = ['a.tmp', 'b.tmp'].map((name) => join(store.objectsDir, name));
    for (const file of [old, recent]) if (file !== undefined) await writeFile(file, 'half');
    if (old !== undefined) await utimes(old, 1, 1);
    await store.open();
    expect((await readdir(store.objectsDir)).sort()).toEqual([sha256, 'b.tmp'].sort());
  });

  it('tells a full disk from other failures', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(ModelError.fromStore(full, '/store')).toMatchObject({
      code: 'store_full',
      message: expect.stringContaining('/store'),
    });
    const denied = Object.assign(new Error('permission denied'), { code: 'EACCES' });
    expect(ModelError.fromStore(denied, '/store')).toMatchObject({ code: 'store_failed', cause: denied });
  });
});
