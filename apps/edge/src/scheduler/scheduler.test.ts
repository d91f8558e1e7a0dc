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

  it('serves by the order of reservations, and lets others go first while what was announced is not there', async () => {
    const scheduler = make(1, 10);
    const jobs = Array.from({ length: 5 }, () => new TestJob({}));
    const [running, early, first, second, last] = jobs as [TestJob, TestJob, TestJob, TestJob, TestJob];
    scheduler.submit(running);
    const places = [early, first, second].map((job) => scheduler.reserve(job));
    scheduler.submit(last);
    await running.finish();
    expect(last.state, 'nobody else is there').toBe('running');
    scheduler.submit(second, places[2]);
    scheduler.submit(first, places[1]);
    await last.finish();
    expect([early, first, second].map(({ state }) => state)).toEqual(['new', 'running', 'new']);
    scheduler.submit(early, places[0]);
    await first.finish();
    expect([early, second].map(({ state }) => state)).toEqual(['running', 'new']);
    await early.finish();
    await second.finish();
    expect(jobs.every(({ state }) => state === 'done')).toBe(true);
    expect(scheduler).toMatchObject({ inFlight: 0, queueDepth: 0 });
  });

  it('starts nothing that is only announced, however idle it is, and starts it at once when it is there', () => {
    const scheduler = make(2, 10);
    const job = new TestJob({});
    const place = scheduler.reserve(job);
    expect([job.state, scheduler.inFlight]).toEqual(['new', 0]);
    scheduler.submit(new TestJob({}));
    expect([job.state, scheduler.inFlight]).toEqual(['new', 1]);
    scheduler.submit(job, place);
    expect([job.state, scheduler.inFlight]).toEqual(['running', 2]);
  });

  it('lets a client keep its turn while what it announced is not there', async () => {
    const scheduler = make(1, 10);
    const [slow, other] = [{ name: 'slow' }, { name: 'other' }];
    const running = new TestJob({});
    scheduler.submit(running);
    const reserved = new TestJob(slow);
    const place = scheduler.reserve(reserved);
    const others = [new TestJob(other), new TestJob(other), new TestJob(other)];
    for (const job of others) scheduler.submit(job);
    await running.finish();
    await others[0]?.finish();
    expect(others[1]?.state).toBe('running');
    scheduler.submit(reserved, place);
    await others[1]?.finish();
    expect([reserved.state, others[2]?.state]).toEqual(['running', 'new']);
  });

  it('is not full of what is announced, and does not say that anyone waits for it', () => {
    const scheduler = make(1, 1);
    for (let times = 0; times < 20; times += 1) scheduler.reserve(new TestJob({}, 100));
    expect(scheduler.refusal()).toBeUndefined();
    expect(scheduler).toMatchObject({ inFlight: 0, queueDepth: 0 });
    expect(scheduler.queueMs()).toBe(0);
    const jobs = [new TestJob({}), new TestJob({}), new TestJob({})];
    expect(jobs.map((job) => scheduler.submit(job)?.code)).toEqual([undefined, undefined, 'overloaded']);
    expect(scheduler).toMatchObject({ inFlight: 1, queueDepth: 1 });
    expect(scheduler.queueMs()).toBe(20);
  });

  it('refuses what was announced like anything else when it is full, and keeps no place for it', () => {
    const scheduler = make(1, 0);
    const refused = new TestJob({}, 100);
    const place = scheduler.reserve(refused);
    scheduler.submit(new TestJob({}));
    expect(scheduler.submit(refused, place)?.code).toBe('overloaded');
    expect(scheduler.announcedMs()).toBe(0);
    expect(scheduler.release(place)).toBe(false);
  });

  it('knows what is announced, in predicted ms a worker, until it is there or given back', () => {
    const scheduler = make(2, 10);
    k = 2;
    expect(scheduler.announcedMs()).toBe(0);
    const job = new TestJob({}, 100);
    const [place, other] = [scheduler.reserve(job), scheduler.reserve(new TestJob({}, 30))];
    expect(scheduler.announcedMs()).toBe(130);
    scheduler.submit(new TestJob({}, 1_000));
    expect(scheduler.announcedMs(), 'what waits or runs is not announced').toBe(130);
    scheduler.submit(job, place);
    expect(scheduler.announcedMs()).toBe(30);
    expect(scheduler.release(other)).toBe(true);
    expect(scheduler.release(other)).toBe(false);
    expect(scheduler.announcedMs()).toBe(0);
  });

  it('tells of every change of what is announced', () => {
    let changes = 0;
    const onChange = () => {
      changes += 1;
    };
    const scheduler = new Scheduler({ workers: 1, maxQueue: 1, clock: () => nowMs, loadFactor: () => k, onChange });
    const place = scheduler.reserve(new TestJob({}));
    expect(changes).toBe(1);
    scheduler.release(place);
    expect(changes).toBe(2);
  });

  it('gives back a place with the job that waits in it, but not one whose job runs', async () => {
    const scheduler = make(1, 10);
    const [running, waiting] = [new TestJob({}), new TestJob({}, 10, 500)];
    const places = [running, waiting].map((job) => scheduler.reserve(job));
    scheduler.submit(running, places[0]);
    scheduler.submit(waiting, places[1]);
    expect(places.map((place) => scheduler.release(place))).toEqual([false, true]);
    expect(scheduler).toMatchObject({ inFlight: 1, queueDepth: 0 });
    nowMs = 500;
    vi.advanceTimersByTime(500);
    await running.finish();
    expect([running.state, waiting.state], 'neither told nor started').toEqual(['done', 'new']);
  });

  it('judges a deadline by what goes first, not by what came between the reservation and the job', () => {
    const scheduler = make(1, 10);
    const reserved = new TestJob({}, 10, 120);
    scheduler.submit(new TestJob({}, 100));
    const place = scheduler.reserve(reserved);
    scheduler.submit(new TestJob({}, 100));
    expect(scheduler.queueMs()).toBe(200);
    expect(scheduler.submit(reserved, place)).toBeUndefined();
    expect(scheduler.submit(new TestJob({}, 10, 120))?.code).toBe('deadline_exceeded');
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

  it('never starts what was announced before it stopped, nor waits for it', async () => {
    const scheduler = make(1, 10);
    const [running, announced] = [new TestJob({}), new TestJob({})];
    scheduler.submit(running);
    scheduler.reserve(announced);
    scheduler.rejectQueued(new ProtocolError('shutting_down', ''));
    const idle = scheduler.idle();
    await running.finish();
    await idle;
    expect(announced.state).toBe('new');
  });
});

type Step =
  | { readonly do: 'push'; readonly client: number; readonly isReady: boolean }
  | { readonly do: 'ready' | 'remove'; readonly pick: number }
  | { readonly do: 'shift' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), client: fc.integer({ min: 0, max: 3 }), isReady: fc.boolean() }),
  fc.record({ do: fc.constantFrom('ready' as const, 'remove' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('shift' as const) }),
);

interface Item {
  readonly client: number;
  isReady: boolean;
}

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

  it('takes the first ready item of the client that waited longest for a turn, whatever becomes ready or leaves', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const keys = Array.from({ length: 4 }, () => ({}));
        const keyOf = (item: Item) => keys[item.client] ?? {};
        const queue = new FairQueue<Item>(({ isReady }) => isReady);
        let items: Item[] = [];
        // Since when a client waits for a turn: its first item, or its last turn if it had more then.
        const since = new Map<number, number>();
        const without = (gone: Item) => {
          items = items.filter((item) => item !== gone);
          if (!items.some(({ client }) => client === gone.client)) since.delete(gone.client);
        };
        steps.forEach((step, now) => {
          if (step.do === 'push') {
            const item = { client: step.client, isReady: step.isReady };
            queue.push(keyOf(item), item);
            items.push(item);
            if (!since.has(item.client)) since.set(item.client, now);
          } else if (step.do === 'shift') {
            const ready = items.filter(({ isReady }) => isReady);
            const sinceOf = ({ client }: Item) => since.get(client) ?? Number.NaN;
            // The sort is stable: within a client the first stays first.
            const expected = ready.toSorted((a, b) => sinceOf(a) - sinceOf(b))[0];
            expect(queue.shift()).toBe(expected);
            if (expected === undefined) return;
            since.set(expected.client, now);
            without(expected);
          } else {
            const item = items[step.pick % Math.max(1, items.length)];
            if (item === undefined) return;
            if (step.do === 'ready') item.isReady = true;
            else {
              expect(queue.remove(keyOf(item), item)).toBe(true);
              without(item);
            }
          }
          expect(queue.size).toBe(items.length);
          expect(new Set(queue)).toEqual(new Set(items));
        });
      }),
    );
  });

  it('knows what is taken before an item that is not ready yet', () => {
    const items = fc.array(fc.record({ client: fc.integer({ min: 0, max: 3 }), isReady: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(items, fc.nat(), (all, pick) => {
        const keys = Array.from({ length: 4 }, () => ({}));
        const queue = new FairQueue<Item>(({ isReady }) => isReady);
        for (const item of all) queue.push(keys[item.client] ?? {}, item);
        const item = all[pick % all.length] ?? expect.fail('no item');
        const said = queue.ahead(keys[item.client] ?? {}, item);
        item.isReady = true;
        const taken: Item[] = [];
        for (let next = queue.shift(); next !== undefined && next !== item; next = queue.shift()) taken.push(next);
        expect(new Set(said)).toEqual(new Set(taken));
        expect(said).toHaveLength(taken.length);
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
