import { ProtocolError } from '@cutpoint/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FairQueue } from './fair-queue.js';
import { predictQueueMs } from './queue-delay.js';
import { type Job, Scheduler } from './scheduler.js';

/** A job that runs until the test says so. */
class TestJob implements Job {
  readonly model = 'm';
  readonly client: object;
  readonly idleMs: number;
  readonly deadlineAtMs?: number;
  state = 'new';
  #done: (() => void) | undefined;

  constructor(client: object, idleMs = 10, deadlineAtMs?: number) {
    this.client = client;
    this.idleMs = idleMs;
    if (deadlineAtMs !== undefined) this.deadlineAtMs = deadlineAtMs;
  }

  async start(): Promise<void> {
    this.state = 'running';
    await new Promise<void>((resolve) => {
      this.#done = resolve;
    });
  }

  reject(error: ProtocolError): void {
    this.state = error.code;
  }

  async finish(): Promise<void> {
    this.state = 'done';
    this.#done?.();
    await Promise.resolve();
    await Promise.resolve();
  }
}

describe('the scheduler', () => {
  let nowMs = 0;
  let k = 1;
  const make = (workers: number, maxQueue: number) =>
    new Scheduler({ workers, maxQueue, clock: () => nowMs, loadFactor: () => k });

  beforeEach(() => {
    nowMs = 0;
    k = 1;
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('runs as many as there are workers, queues up to the limit, and refuses at once what is above', async () => {
    const scheduler = make(2, 1);
    const jobs = Array.from({ length: 4 }, () => new TestJob({}));
    const refusals = jobs.map((job) => scheduler.submit(job)?.code);
    expect(refusals).toEqual([undefined, undefined, undefined, 'overloaded']);
    expect(jobs.map(({ state }) => state)).toEqual(['running', 'running', 'new', 'new']);
    await jobs[0]?.finish();
    expect(jobs[2]?.state).toBe('running');
    expect(scheduler.queueDepth).toBe(0);
  });

  it('takes turns between clients, and keeps the order within one', async () => {
    const scheduler = make(1, 10);
    const [greedy, modest] = [{ name: 'greedy' }, { name: 'modest' }];
    const first = new TestJob(greedy);
    const order = [first, ...Array.from({ length: 3 }, () => new TestJob(greedy)), new TestJob(modest)];
    for (const job of order) scheduler.submit(job);
    const [, second, third, , other] = order;
    await first.finish();
    expect(second?.state).toBe('running');
    await second?.finish();
    expect([third?.state, other?.state]).toEqual(['new', 'running']);
  });

  it('predicts the wait from what runs and what waits, times k', () => {
    const scheduler = make(1, 10);
    expect(scheduler.queueMs()).toBe(0);
    scheduler.submit(new TestJob({}, 100));
    scheduler.submit(new TestJob({}, 50));
    expect(scheduler.queueMs()).toBe(150);
    nowMs = 40;
    expect(scheduler.queueMs()).toBe(110);
    k = 2;
    expect(scheduler.queueMs()).toBe(260);
    // What takes longer than predicted is thought to end any moment.
    nowMs = 1_000;
    expect(scheduler.queueMs()).toBe(100);
  });

  it('knows how fast work arrives at each worker, in predicted ms, refused work left out', () => {
    const scheduler = make(2, 1);
    k = 2;
    const jobs = Array.from({ length: 4 }, () => new TestJob({}, 100));
    expect(scheduler.arrivalRate).toBe(0);
    for (const job of jobs) scheduler.submit(job);
    expect(jobs.map(({ state }) => state)).toEqual(['running', 'running', 'new', 'new']);
    // Three jobs of 200 ms for two workers, over 1 s / ln 2.
    expect(scheduler.arrivalRate).toBeCloseTo(0.3 * Math.LN2, 5);
    nowMs = 1_000;
    expect(scheduler.arrivalRate).toBeCloseTo(0.15 * Math.LN2, 5);
  });

  it('drops a job whose deadline passes while it waits, and refuses one that cannot be in time', () => {
    const scheduler = make(1, 10);
    scheduler.submit(new TestJob({}, 100));
    const waiting = new TestJob({}, 10, 120);
    expect(scheduler.submit(waiting)).toBeUndefined();
    expect(scheduler.submit(new TestJob({}, 10, 90))?.code).toBe('deadline_exceeded');
    nowMs = 120;
    vi.advanceTimersByTime(120);
    expect(waiting.state).toBe('deadline_exceeded');
    expect(scheduler.queueDepth).toBe(0);
  });

  it('does not start what is late, also when the timer was late as well', async () => {
    const scheduler = make(1, 10);
    const running = new TestJob({}, 100);
    const late = new TestJob({}, 10, 150);
    scheduler.submit(running);
    scheduler.submit(late);
    nowMs = 200;
    await running.finish();
    expect(late.state).toBe('deadline_exceeded');
  });

  it('cancels what waits and leaves what runs', () => {
    const scheduler = make(1, 10);
    const [running, waiting] = [new TestJob({}), new TestJob({})];
    scheduler.submit(running);
    scheduler.submit(waiting);
    expect(scheduler.cancel(waiting)).toBe(true);
    expect(scheduler.cancel(waiting)).toBe(false);
    expect(scheduler.cancel(running)).toBe(false);
    expect(scheduler.queueDepth).toBe(0);
  });

  it('goes on after a job that failed, and is idle when nothing runs', async () => {
    const scheduler = make(1, 10);
    const failing: Job = {
      client: {},
      model: 'm',
      idleMs: 1,
      start: () => Promise.reject(new Error('worker died')),
      reject: () => undefined,
    };
    scheduler.submit(failing);
    const next = new TestJob({});
    scheduler.submit(next);
    await vi.waitFor(() => expect(next.state).toBe('running'));
    const idle = scheduler.idle();
    await next.finish();
    await idle;
    expect(scheduler.inFlight).toBe(0);
  });

  it('rejects everything that waits when the edge stops', () => {
    const scheduler = make(1, 10);
    const jobs = Array.from({ length: 3 }, () => new TestJob({}));
    for (const job of jobs) scheduler.submit(job);
    scheduler.rejectQueued(new ProtocolError('shutting_down', ''));
    expect(jobs.map(({ state }) => state)).toEqual(['running', 'shutting_down', 'shutting_down']);
  });
});

describe('the fair queue', () => {
  it('gives back everything once, each client in its own order, and no client twice before another', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 40 }), (clients) => {
        const keys = Array.from({ length: 5 }, () => ({}));
        const queue = new FairQueue<{ client: number; index: number }>();
        clients.forEach((client, index) => {
          queue.push(keys[client] ?? {}, { client, index });
        });
        expect(queue.size).toBe(clients.length);
        const out = Array.from({ length: clients.length }, () => queue.shift());
        expect(queue.shift()).toBeUndefined();
        for (let client = 0; client < 5; client += 1) {
          const own = out.filter((item) => item?.client === client).map((item) => item?.index ?? -1);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
        // Rounds: in each, every client that still has something is served once.
        const left = [0, 1, 2, 3, 4].map((client) => clients.filter((other) => other === client).length);
        for (let at = 0; at < out.length; ) {
          const round = left.filter((count) => count > 0).length;
          const served = out.slice(at, at + round).map((item) => item?.client ?? -1);
          expect(new Set(served).size).toBe(round);
          for (const client of served) left[client] = (left[client] ?? 0) - 1;
          at += round;
        }
      }),
    );
  });

  it('lets an item be taken out', () => {
    const queue = new FairQueue<string>();
    const client = {};
    queue.push(client, 'a');
    queue.push(client, 'b');
    expect(queue.remove(client, 'a')).toBe(true);
    expect(queue.remove(client, 'a')).toBe(false);
    expect([...queue]).toEqual(['b']);
    expect(queue.shift()).toBe('b');
    expect(queue.size).toBe(0);
  });
});

describe('the predicted wait', () => {
  it('is 0 while a worker is free', () => {
    expect(predictQueueMs(2, [100], [])).toBe(0);
  });

  it('is that of the worker that is free first', () => {
    expect(predictQueueMs(2, [100, 30], [])).toBe(30);
    expect(predictQueueMs(2, [100, 30], [50])).toBe(80);
    expect(predictQueueMs(2, [100, 30], [50, 50])).toBe(100);
  });

  it('lies between all the work shared evenly less the longest piece, and all of it on one', () => {
    const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(ms), (workers, queued) => {
        const total = queued.reduce((sum, value) => sum + value, 0);
        const longest = Math.max(0, ...queued);
        const wait = predictQueueMs(workers, [], queued);
        expect(wait).toBeLessThanOrEqual(total / workers + 1e-6);
        expect(wait).toBeGreaterThanOrEqual((total - workers * longest) / workers - 1e-6);
      }),
    );
  });
});
