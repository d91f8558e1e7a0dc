import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProtocolError } from '@cutpoint/protocol';
import { afterAll, expect, it, vi } from 'vitest';
import { ThreadDispatcher } from '../dispatcher/thread-dispatcher.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { ServedVersion } from '../server/served-version.js';
import { tinyModel } from '../testing/tiny-models.js';
import type { ConnectionContext } from './context.js';
import { tailJob } from './tail-job.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-tail-job-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('whose worker thread dies while it runs is told that its tail failed, once, and the next one runs', async () => {
  const workerFile = join(folder, 'mortal.mjs');
  writeFileSync(
    workerFile,
    `export default async ({ graphFile }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (graphFile === 'die') process.exit(3);
      return { tensors: [], payload: new Uint8Array(1), decodeMs: 0, tailMs: 7, encodeMs: 0, released: [], fallbacks: [] };
    };`,
  );
  const dispatcher = new ThreadDispatcher({ ...DEFAULT_SERVER_OPTIONS, workerFile, onWorkerError: () => undefined });
  const clock = () => performance.now();
  const scheduler = new Scheduler({ workers: 1, maxQueue: 2, defaultDeadlineMs: 5_000, clock, loadFactor: () => 1 });
  const onTailError = vi.fn();
  // What a tail needs of it; the rest is of connections.
  const context = {
    dispatcher,
    scheduler,
    clock,
    onTailError,
    onTail: vi.fn(),
    onRun: vi.fn(),
    idleTailMs: () => 1,
  } as Partial<ConnectionContext>;
  const prepared = tinyModel(folder);
  const version = new ServedVersion(prepared);
  const [table] = prepared.tables.values();
  const cut = table?.cuts[0] ?? expect.fail('the model has no cut');
  const run = async (graphFile: string) =>
    await new Promise<string>((resolve) => {
      const served = { cut, crossing: [], graphFile, weights: 'own' as const, version };
      const owners = { client: {}, connection: {} };
      const request = { owners, admitted: { model: 'tiny', served, graphFile }, inputs: [], outputs: [] };
      const job = tailJob(
        context as ConnectionContext,
        { ...request, payload: new Uint8Array(1), receivedAtMs: clock(), deadlineAtMs: undefined },
        { done: () => resolve('done'), refused: ({ code }: ProtocolError) => resolve(code) },
      );
      expect(scheduler.submit(job)).toBeUndefined();
    });
  expect(await Promise.all([run('die'), run('live')])).toEqual(['tail_failed', 'done']);
  expect(onTailError).toHaveBeenCalledOnce();
  await dispatcher.close();
});
