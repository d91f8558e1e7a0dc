import { mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { networkFile } from './network-source.js';

let storeDir = '';
beforeEach(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'cutpoint-network-'));
});
afterEach(async () => {
  await rm(storeDir, { recursive: true });
});

it('builds a network once, as a small graph beside its weights, which onnxruntime takes', async () => {
  const file = await networkFile('squeezenet', { storeDir });
  expect((await stat(file)).size).toBeLessThan(30_000);
  const [weights = ''] = (await readdir(dirname(file))).filter((name) => name !== 'model.onnx');
  expect((await stat(join(dirname(file), weights))).size).toBe(4 * 1_235_496);
  const session = await InferenceSession.create(file);
  expect(session.inputNames).toEqual(['input']);
  await session.release();

  const built = await stat(file);
  expect(await networkFile('squeezenet', { storeDir })).toBe(file);
  expect((await stat(file)).mtimeMs).toBe(built.mtimeMs);
});

it('builds a damaged one again, to the same bytes', async () => {
  const file = await networkFile('squeezenet', { storeDir });
  const before = await readFile(file);
  const [weights = ''] = (await readdir(dirname(file))).filter((name) => name !== 'model.onnx');
  await truncate(join(dirname(file), weights), 1000);
  expect((await readFile(await networkFile('squeezenet', { storeDir }))).equals(before)).toBe(true);
  expect((await stat(join(dirname(file), weights))).size).toBe(4 * 1_235_496);
});

it('that is stopped leaves nothing behind', async () => {
  const signal = AbortSignal.abort();
  await expect(networkFile('squeezenet', { storeDir, signal })).rejects.toMatchObject({ code: 'aborted' });
  expect(await readdir(join(storeDir, 'networks'))).toEqual([]);
});
