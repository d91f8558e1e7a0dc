import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import type * as runtime from '../ort/runtime.js';
import { tinyModel } from '../testing/tiny-models.js';
import type { Provider } from './dispatcher.js';
import { TailSessions } from './tail-sessions.js';

// Stands in for accelerators that this machine has not: `webgpu` is as good as the CPU, `cuda` opens and then fails.
vi.mock('../ort/runtime.js', async (original) => {
  const { createSession } = await original<typeof runtime>();
  const standIn: typeof createSession = async (model, { executionProviders = [], ...options } = {}) => {
    const session = await createSession(model, { ...options, executionProviders: ['cpu'] });
    if (executionProviders[0] === 'cuda') vi.spyOn(session, 'run').mockRejectedValue(new Error('the device is lost'));
    return session;
  };
  return { createSession: standIn };
});

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-tail-sessions-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [table] = tinyModel(folder).tables.values();
const [first, second] = [0, 1].map((cut) => join(folder, table?.cuts[cut]?.tailGraph ?? ''));
const feeds = (width: number) => ({
  mask: new Tensor('uint8', new Uint8Array(3), [3]),
  x: new Tensor('float32', new Float32Array(width).fill(2), [1, width]),
});
const withWidth = (width: number) => async (session: InferenceSession) => await session.run(feeds(width), ['y']);

let sessions: TailSessions;
const make = (provider: Provider, maxSessions = 4) =>
  new TailSessions({ threads: 1, providers: [provider], maxSessions, maxBytes: 2 ** 30 });
beforeEach(() => {
  sessions = make('webgpu');
});

it('keeps a tail where it is when what was sent runs nowhere', async () => {
  for (let times = 0; times < 4; times += 1) {
    const opened = await sessions.open(first ?? '', 'own');
    await expect(sessions.run(first ?? '', 'own', opened, withWidth(3))).rejects.toThrow('Got: 3 Expected: 4');
  }
  const opened = await sessions.open(first ?? '', 'own');
  expect(opened).toMatchObject({ isNew: false, tail: { provider: 'webgpu' } });
  const { result } = await sessions.run(first ?? '', 'own', opened, withWidth(4));
  expect(result.y?.data).toEqual(new Float32Array([2, 4, 6, 8]));
  expect((await sessions.open(second ?? '', 'own')).tail.provider, 'nor is the provider thought absent').toBe('webgpu');
});

it('moves a tail to the CPU when that runs what the provider could not, and tells all of it', async () => {
  sessions = make('cuda', 1);
  await sessions.open(second ?? '', 'own');
  const opened = await sessions.open(first ?? '', 'own');
  const ran = await sessions.run(first ?? '', 'own', opened, withWidth(4));
  expect(ran.result.y?.data).toEqual(new Float32Array([2, 4, 6, 8]));
  expect(ran.opened).toMatchObject({
    isNew: true,
    released: [second],
    fallbacks: [{ provider: 'cuda', reason: 'the device is lost' }],
    tail: { provider: 'cpu' },
  });
  expect(await sessions.open(first ?? '', 'own')).toMatchObject({ isNew: false, tail: { provider: 'cpu' } });
});
