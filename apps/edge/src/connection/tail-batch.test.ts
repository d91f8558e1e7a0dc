import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtocolError } from '@cutpoint/protocol';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { TailBatching } from '../batching/tail-batching.js';
import type { BatchOutcome, TailOutcome } from '../dispatcher/dispatcher.js';
import type { Job } from '../scheduler/scheduler.js';
import { ServedVersion } from '../server/served-version.js';
import { pickModel } from '../testing/tiny-models.js';
import type { ConnectionContext } from './context.js';
import { type BatchMember, runTogether } from './tail-batch.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-tail-batch-'));
afterAll(() => rmSync(folder, { recursive: true }));

const version = new ServedVersion(pickModel(folder));
const [table = ''] = version.prepared.tables.keys();
const served = version.cut(table, 0) ?? expect.fail('no cut');
const batching = new TailBatching(served, 24, 8);
batching.remembered([[2, 1.25]]);

let nowMs: number;
let batch: () => Promise<BatchOutcome>;
let heard: string[];
const context = {
  clock: () => nowMs,
  dispatcher: { runBatch: async () => await batch() },
  scheduler: { finished: vi.fn() },
  batches: { failed: vi.fn() },
  onTail: vi.fn(),
  onRun: vi.fn(),
  onTailError: vi.fn(),
};

beforeEach(() => {
  vi.clearAllMocks();
  nowMs = 100;
  heard = [];
});

function member(name: string, receivedAtMs: number): BatchMember {
  const owners = { client: {}, connection: {} };
  const admitted = { model: 'pick', served, graphFile: served.graphFile ?? '' };
  const sent = { inputs: [], payload: new Uint8Array(), outputs: ['y'] };
  const request = { owners, admitted, ...sent, receivedAtMs, deadlineAtMs: undefined };
  const answer = {
    done: ({ tailMs, sessionMs }: TailOutcome) => void heard.push(`${name} ${tailMs} ${sessionMs}`),
    refused: ({ code }: ProtocolError) => void heard.push(`${name} ${code}`),
  };
  // Of a job only its name counts here.
  return { job: { name } as unknown as Job, request, answer };
}

const outcome = (more: Partial<TailOutcome> = {}) =>
  ({ isFirstRun: false, sessionMs: 1, decodeMs: 2, tailMs: 10, encodeMs: 3, ...more }) as TailOutcome;

// What a run needs of it; the rest is of connections.
const run = async () => {
  const [a, b] = [member('a', 60), member('b', 80)];
  const started = { jobs: [a.job, b.job] as const, startedAtMs: nowMs };
  await runTogether(context as unknown as ConnectionContext, batching, [a, b], started);
};

it('is one measurement of the tail by itself; what it took longer is a wait', async () => {
  batch = async () => {
    nowMs = 120;
    return { outcomes: [outcome(), outcome()], together: 2 };
  };
  await run();
  expect(heard).toEqual(['a 8 3', 'b 8 3']);
  expect(context.onTail.mock.calls).toEqual([['pick', served, { queueMs: 30, serviceMs: 20, tailMs: 8 }]]);
  expect(context.onRun.mock.calls).toEqual([['pick', 2]]);
  expect(context.scheduler.finished).toHaveBeenCalledOnce();
});

it('is not measured when its graph was opened for it, and each run counts where there were several', async () => {
  batch = async () => ({ outcomes: [outcome({ isFirstRun: true }), outcome({ isFirstRun: true })], together: 2 });
  await run();
  expect(context.onTail).not.toHaveBeenCalled();
  const wrong = new ProtocolError('bad_tensors', 'what came is not what it should be');
  batch = async () => ({ outcomes: [wrong, outcome()], together: 0 });
  await run();
  expect(heard.slice(2)).toEqual(['a bad_tensors', 'b 10 1']);
  expect(context.onTail.mock.calls).toEqual([['pick', served, { queueMs: 20, serviceMs: 15, tailMs: 10 }]]);
  expect(context.onRun.mock.calls.at(-1)).toEqual(['pick', 1]);
  expect(context.batches.failed).not.toHaveBeenCalled();
});

it('gives batches of a tail up whose graph failed, and answers all', async () => {
  batch = async () => ({ outcomes: [outcome(), outcome()], together: 0, failure: 'no kernel' });
  await run();
  expect(heard).toEqual(['a 10 1', 'b 10 1']);
  expect(context.batches.failed).toHaveBeenCalledOnce();
});

it('tells everybody in it when the worker dies', async () => {
  batch = async () => {
    throw new Error('exited');
  };
  await run();
  expect(heard).toEqual(['a tail_failed', 'b tail_failed']);
  expect(context.onTailError).toHaveBeenCalledOnce();
});
