import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoadFactors } from '@cutpoint/partition';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Dispatcher, TailTask } from '../dispatcher/dispatcher.js';
import { ThreadDispatcher } from '../dispatcher/thread-dispatcher.js';
import type { PreparedModel } from '../prepare/prepared.js';
import { type Job, Scheduler } from '../scheduler/scheduler.js';
import { ServedModels } from '../server/catalog.js';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { brokenModel, tinyModel } from '../testing/tiny-models.js';
import { CANARY_SHARE, Canary, canaryCut } from './canary.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-canary-'));
let tiny: PreparedModel;
let threads: ThreadDispatcher;
let models: ServedModels;

let nowMs = 0;
let runs = 0;
/** What each run takes by the clock of the test. */
let runMs = 0;
let wanted = new Set<string>();
let errors: string[] = [];
let factors: LoadFactors;
let scheduler: Scheduler;
let canary: Canary;

beforeAll(() => {
  tiny = tinyModel(objectsDir);
  models = new ServedModels(new MemoryCatalog(tiny, brokenModel(objectsDir)), { drainMs: 0 });
  threads = new ThreadDispatcher(DEFAULT_SERVER_OPTIONS);
});

afterAll(async () => {
  models.close();
  await threads.close();
  rmSync(objectsDir, { recursive: true });
});

beforeEach(() => {
  nowMs = 10_000;
  runs = 0;
  runMs = 1;
  wanted = new Set(['tiny']);
  errors = [];
  factors = new LoadFactors();
  const clock = () => nowMs;
  scheduler = new Scheduler({
    workers: 1,
    maxQueue: 1,
    defaultDeadlineMs: 30_000,
    clock,
    loadFactor: (model) => factors.k(model, nowMs),
  });
  // The real threads, with times that the test knows.
  const dispatcher: Pick<Dispatcher, 'run'> = {
    run: async (task: TailTask) => {
      const outcome = await threads.run(task);
      runs += 1;
      nowMs += runMs;
      return { ...outcome, tailMs: runMs };
    },
  };
  canary = new Canary({
    scheduler,
    dispatcher,
    factors,
    clock,
    wanted: () => wanted,
    tailOf: (model) => {
      const version = models.current(model);
      const found = version && canaryCut(version.prepared.tables);
      return found && version.cut(found.table, found.cut);
    },
    onError: (model) => errors.push(model),
  });
});

/** Looks, and waits for what that sent out. */
async function look(): Promise<void> {
  canary.look();
  await scheduler.idle();
}

/** Work of a client, which runs until the test says so. */
function request(model = 'other'): { readonly job: Job; done(): Promise<void> } {
  let finish: (() => void) | undefined;
  const job: Job = {
    client: {},
    connection: {},
    model,
    idleMs: 10,
    start: () => new Promise<void>((resolve) => (finish = resolve)),
    reject: vi.fn(),
  };
  return {
    job,
    done: async () => {
      finish?.();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

describe('the canary', () => {
  it('measures k of a model that nobody runs, and is counted nowhere', async () => {
    runMs = 3;
    for (let times = 0; times < 12; times += 1) {
      canary.look();
      expect(scheduler).toMatchObject({ inFlight: 0, queueDepth: 0 });
      expect(scheduler.announcedMs()).toBe(0);
      await scheduler.idle();
      nowMs += 1_000;
    }
    expect(runs).toBe(24);
    expect(factors.k('tiny', factors.measuredAtMs('tiny'))).toBeCloseTo(3, 1);
    expect(factors.kWithQueue('tiny', nowMs)).toBe(1);
    runMs = 1;
    for (let times = 0; times < 4; times += 1) {
      await look();
      nowMs += 1_000;
    }
    expect(factors.k('tiny', nowMs), 'within five seconds of the load being over').toBeLessThan(1.2);
  });

  it('stays at home when nobody wants to know', async () => {
    wanted = new Set();
    await look();
    wanted = new Set(['nothing']);
    await look();
    expect(runs).toBe(0);
  });

  it('stays at home while requests measure k', async () => {
    await look();
    expect(runs).toBe(2);
    const served = { graph: 'g', tailMs: 10, timed: true };
    for (let times = 0; times < 10; times += 1) {
      nowMs += 500;
      factors.observe('tiny', served, { tailMs: 10, queueMs: 0 }, nowMs);
      await look();
    }
    expect(runs).toBe(2);
    nowMs += 1_000;
    await look();
    expect(runs).toBe(4);
  });

  it.each([1, 30, 400])('that takes twice %d ms never takes more than its share of a worker', async (ms) => {
    runMs = ms;
    const startMs = nowMs;
    while (nowMs - startMs < 200_000) {
      await look();
      nowMs += 50;
    }
    const share = (runs * runMs) / (nowMs - startMs);
    expect(runs).toBeGreaterThan(2);
    // The first one has no pause before it.
    expect(share).toBeLessThanOrEqual(CANARY_SHARE + (2 * runMs) / (nowMs - startMs));
  });

  it('waits like others while the edge is busy, takes nobody’s place in the queue, and leaves its waiting out of k', async () => {
    const [running, waiting, refused] = [request(), request(), request()];
    scheduler.submit(running.job);
    canary.look();
    expect(scheduler).toMatchObject({ inFlight: 1, queueDepth: 0 });
    expect(scheduler.queueMs(), 'what it will take is no secret').toBe(12);
    expect(scheduler.submit(waiting.job)).toBeUndefined();
    expect(scheduler.submit(refused.job)?.code).toBe('overloaded');
    nowMs += 500;
    await running.done();
    await vi.waitFor(() => expect(runs).toBe(2));
    await vi.waitFor(() => expect(scheduler.inFlight).toBe(1));
    expect(factors.measuredAtMs('tiny')).toBe(nowMs);
    expect(factors.k('tiny', nowMs)).toBe(1);
    await waiting.done();
    expect(scheduler.inFlight).toBe(0);
  });

  it('that runs keeps a request waiting, and none out', async () => {
    const [first, second, third] = [request(), request(), request()];
    canary.look();
    expect(scheduler.submit(first.job)).toBeUndefined();
    expect(scheduler.submit(second.job)).toBeUndefined();
    expect(scheduler.submit(third.job)?.code).toBe('overloaded');
    await vi.waitFor(() => expect(scheduler.inFlight).toBe(1));
    await first.done();
    await second.done();
    expect(runs).toBe(2);
  });

  it('gives way when the queue is full, and looks again later', async () => {
    const [running, waiting] = [request(), request()];
    scheduler.submit(running.job);
    scheduler.submit(waiting.job);
    canary.look();
    await running.done();
    await waiting.done();
    expect(runs).toBe(0);
    await look();
    expect(runs).toBe(2);
  });

  it('leaves a tail that failed alone for a minute, and goes on with others', async () => {
    wanted = new Set(['broken']);
    for (let times = 0; times < 5; times += 1) {
      await look();
      nowMs += 10_000;
    }
    expect(errors).toEqual(['broken']);
    wanted = new Set(['broken', 'tiny']);
    await look();
    expect(runs).toBe(2);
    nowMs += 60_000;
    wanted = new Set(['broken']);
    await look();
    expect(errors).toEqual(['broken', 'broken']);
  });

  it('that waits is taken back when the edge stops', async () => {
    const running = request();
    scheduler.submit(running.job);
    canary.look();
    canary.stop();
    await running.done();
    await scheduler.idle();
    expect(runs).toBe(0);
  });
});

describe('the tail of a canary', () => {
  it('is the cheapest one that was timed and is long enough to say something', () => {
    const [[sha256, table] = expect.fail('no table')] = tiny.tables;
    const [first = expect.fail('no cut')] = table.cuts;
    const cuts = [
      { ...first, id: 0, tailMs: 9 },
      { ...first, id: 1, tailMs: 4 },
      { ...first, id: 2, tailMs: 2, timed: false },
      { ...first, id: 3, tailMs: 0.5 },
      { ...first, id: 4, tailMs: 1, tailGraph: null },
    ];
    expect(canaryCut([[sha256, { ...table, cuts }]])).toEqual({ table: sha256, cut: 1 });
    expect(canaryCut([[sha256, { ...table, cuts: cuts.slice(2) }]])).toBeUndefined();
    expect(canaryCut([[sha256, { ...table, cuts: [{ ...first, tailMs: 200 }] }]])).toBeUndefined();
  });
});
