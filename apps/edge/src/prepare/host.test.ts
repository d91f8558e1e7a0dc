import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { slowOnnx } from '../testing/tiny-models.js';
import { PrepareHost } from './host.js';
import { prepareModel } from './prepare.js';
import type { PrepareRequest } from './prepared.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-host-'));
const dir = join(folder, 'models');
const storeDir = join(folder, 'store');
let host: PrepareHost;

beforeAll(() => {
  mkdirSync(join(dir, 'slow'), { recursive: true });
  writeFileSync(join(dir, 'slow/net.onnx'), slowOnnx(2));
  const config = { description: 'slow', source: { file: 'net.onnx' } };
  writeFileSync(join(dir, 'slow/config.json'), JSON.stringify(config));
  host = new PrepareHost();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const request = async (more: Partial<PrepareRequest> = {}): Promise<PrepareRequest> => ({
  ...(await host.locate({ dir, storeDir, name: 'slow' }, undefined)),
  storeDir,
  ...more,
});

it('finds and prepares a model beside this process, as it would be here', async () => {
  const stages = new Set<string>();
  const prepared = await host.prepare(await request({ onProgress: ({ stage }) => void stages.add(stage) }));
  expect(stages.size).toBeGreaterThan(1);
  // It lies in the store now, and is read here.
  expect(prepared).toEqual(await prepareModel(await request()));
  expect(await host.clear(storeDir, { keepMs: 1e9, models: new Set(), inUse: [] })).toEqual({
    records: 0,
    objects: 0,
    numBytes: 0,
  });
});

it('says what is wrong with a model by its code', async () => {
  await expect(host.locate({ dir, storeDir, name: 'absent' }, undefined)).rejects.toMatchObject({
    name: 'ModelError',
    code: 'unknown_model',
    message: expect.stringContaining('there are: slow'),
  });
});

it('stops what is not wanted any more', async () => {
  const stop = new AbortController();
  const other = join(folder, 'other-store');
  const progress = vi.fn(() => stop.abort());
  await expect(
    host.prepare(await request({ storeDir: other, onProgress: progress, signal: stop.signal })),
  ).rejects.toMatchObject({ code: 'aborted' });
  await expect(host.prepare(await request({ signal: stop.signal }))).rejects.toMatchObject({ code: 'aborted' });
});

it('is started again when it was killed, and tells who waited for it', async () => {
  const other = join(folder, 'third-store');
  const killed = vi.fn(() => process.kill(host.pid ?? 0, 'SIGKILL'));
  await expect(host.prepare(await request({ storeDir: other, onProgress: killed }))).rejects.toMatchObject({
    code: 'prepare_crashed',
  });
  expect((await host.prepare(await request())).manifest.model).toBe('slow');
});
