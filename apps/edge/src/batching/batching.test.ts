import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { TrialOutcome, TrialTask } from '../dispatcher/dispatcher.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { type ServedCut, ServedVersion } from '../server/served-version.js';
import { pickModel } from '../testing/tiny-models.js';
import { BatchMemory } from './batch-memory.js';
import { BatchTrials } from './batch-trials.js';
import { Batches } from './batches.js';
import { slowdownAt } from './slowdowns.js';
import type { TailBatching } from './tail-batching.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-batching-'));
mkdirSync(join(folder, 'objects'));
mkdirSync(join(folder, 'prepared'));
afterAll(() => rmSync(folder, { recursive: true }));

const version = new ServedVersion(pickModel(join(folder, 'objects')));
const [table = ''] = version.prepared.tables.keys();
const served: ServedCut = version.cut(table, 0) ?? expect.fail('no cut');

/** So many times as long as one alone a run of so many takes, by what the machine would say. */
let machine: Readonly<Record<number, number>>;
let difference: string | undefined;
let tasks: TrialTask[];
let problems: unknown[];
let idleMs: number;

beforeEach(() => {
  [machine, difference, tasks, problems, idleMs] = [{}, undefined, [], [], 2];
});

async function tryBatch(task: TrialTask): Promise<TrialOutcome> {
  tasks.push(task);
  const times = { oneMs: 10, togetherMs: 10 * (machine[task.size] ?? task.size) };
  return { ...times, pairs: task.isCheck ? 0 : 3, ...(task.isCheck && difference !== undefined && { difference }) };
}

/** Batches whose memory is the store, or none. */
function open(memory: Pick<BatchMemory, 'read' | 'write'>, maxBatchSize = 8) {
  const clock = () => performance.now();
  const pending: Promise<unknown>[] = [];
  const noted = <T>(work: Promise<T>): Promise<T> => {
    pending.push(work);
    return work;
  };
  const watched: typeof memory = {
    read: async (of) => await noted(memory.read(of)),
    write: async (of, slowdowns) => await noted(memory.write(of, slowdowns)),
  };
  const batches = new Batches({ maxBatchSize, memory: watched, onProblem: (_, problem) => problems.push(problem) });
  const scheduler = new Scheduler({ workers: 1, maxQueue: 1, defaultDeadlineMs: 1_000, clock, loadFactor: () => 1 });
  const trials = new BatchTrials({ batches, scheduler, dispatcher: { tryBatch }, clock, idleTailMs: () => idleMs });
  const settle = async () => {
    for (let step = 0; step < 40; step += 1) {
      await Promise.all(pending);
      trials.look();
      await scheduler.idle();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { batches, settle };
}

const forgetful = { read: async () => undefined, write: async () => undefined };

async function found(maxBatchSize?: number): Promise<TailBatching> {
  const { batches, settle } = open(forgetful, maxBatchSize);
  const batching = batches.of(served, ['y']) ?? expect.fail('a tail with a graph for many');
  batching.met();
  await settle();
  return batching;
}

describe('what is found of a tail', () => {
  it('is the largest size of which each request takes a tenth less than in the one before', async () => {
    machine = { 2: 1.5, 4: 2, 8: 3.8 };
    const batching = await found();
    expect(batching.maxSize).toBe(4);
    expect([1, 2, 3, 4].map((size) => batching.slowdown(size))).toEqual([1, 1.5, 1.75, 2]);
    expect([...new Set(tasks.map(({ size }) => size))]).toEqual([2, 4, 8]);
    expect(tasks.map(({ isCheck }) => isCheck).slice(0, 3), 'checked first, then timed').toEqual([true, false, false]);
  });

  it('is nothing where it does not pay, where answers differ, and where the tail is long', async () => {
    machine = { 2: 1.9 };
    expect((await found()).maxSize).toBe(1);
    machine = { 2: 1 };
    difference = '"y" differs';
    expect((await found()).maxSize).toBe(1);
    expect(problems).toHaveLength(1);
    [difference, idleMs] = [undefined, 1_000];
    expect((await found()).maxSize).toBe(1);
    idleMs = 2;
    expect((await found()).maxSize).toBe(2);
  });

  it('is no more than may be, and not asked for a tail whose requests never met', async () => {
    machine = { 2: 1, 4: 1, 8: 1 };
    expect((await found(4)).maxSize).toBe(4);
    expect((await found(3)).maxSize).toBe(2);
    tasks = [];
    const { batches, settle } = open(forgetful);
    batches.of(served, ['y']);
    await settle();
    expect(tasks).toEqual([]);
    expect(open(forgetful, 1).batches.of(served, ['y'])).toBeUndefined();
    const { batchGraphFile: _, ...without } = served;
    expect(batches.of(without, ['y'])).toBeUndefined();
  });

  it('is remembered in the store, for these settings', async () => {
    machine = { 2: 1.25, 4: 4 };
    const first = open(new BatchMemory(DEFAULT_SERVER_OPTIONS));
    first.batches.of(served, ['y'])?.met();
    await first.settle();
    expect(problems).toEqual([]);
    tasks = [];
    const again = open(new BatchMemory(DEFAULT_SERVER_OPTIONS));
    const batching = again.batches.of(served, ['y']);
    batching?.met();
    await again.settle();
    expect([batching?.maxSize, batching?.slowdown(2)]).toEqual([2, 1.25]);
    expect(tasks).toEqual([]);
    const other = open(new BatchMemory({ ...DEFAULT_SERVER_OPTIONS, threadsPerWorker: 2 }));
    other.batches.of(served, ['y'])?.met();
    await other.settle();
    expect(tasks).not.toEqual([]);
  });

  it('is off for good once a batch could not be run', async () => {
    machine = { 2: 1 };
    const { batches, settle } = open(forgetful);
    const batching = batches.of(served, ['y']) ?? expect.fail('a tail with a graph for many');
    batching.met();
    await settle();
    expect(batching.maxSize).toBe(2);
    batches.failed(batching, new Error('out of memory'));
    tasks = [];
    batching.met();
    await settle();
    expect([batching.maxSize, tasks, problems.length]).toEqual([1, [], 1]);
  });
});

it('a size that nothing is known of takes as long as runs one by one', () => {
  expect(slowdownAt([], 3)).toBe(3);
  expect(slowdownAt([[2, 1.2]], 4)).toBeCloseTo(3.2);
});
