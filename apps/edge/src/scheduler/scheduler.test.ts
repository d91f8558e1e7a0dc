import { ProtocolError } from '@cutpoint/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FairQueue } from './fair-queue.js';
import { predictQueueMs } from './queue-delay.js';
import type { Run } from './runs.js';
import { type Job, Scheduler } from './scheduler.js';

const DEFAULT_DEADLINE_MS = 10_000;

/** A job that runs until the test says so. */
class TestJob implements Job {
  readonly model = 'm';
  readonly client: object;
  readonly connection: object;
  readonly idleMs: number;
  readonly deadlineAtMs?: number;
  state = 'new';
  run: Run | undefined;
  #done: (() => void) | undefined;

  constructor(client: object, idleMs = 10, deadlineAtMs?: number, connection = client) {
    this.client = client;
    this.connection = connection;
    this.idleMs = idleMs;
    if (deadlineAtMs !== undefined) this.deadlineAtMs = deadlineAtMs;
  }

  async start(_others: readonly Job[], run: Run): Promise<void> {
    this.state = 'running';
    this.run = run;
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

/** What runs one after another, once the first of it is done. */
async function inOrder(running: TestJob, waiting: readonly TestJob[]): Promise<readonly TestJob[]> {
  const order: TestJob[] = [];
  for (let job: TestJob | undefined = running; job !== undefined; ) {
    await job.finish();
    job = waiting.find(({ state }) => state === 'running');
    if (job !== undefined) order.push(job);
  }
  return order;
}

describe('the scheduler', () => {
  let nowMs = 0;
  let k = 1;
  const make = (workers: number, maxQueue: number, onDefect: (error: unknown) => void = () => undefined) =>
    new Scheduler({
      workers,
      maxQueue,
      onDefect,
      defaultDeadlineMs: DEFAULT_DEADLINE_MS,
      clock: () => nowMs,
      loadFactor: () => k,
    });

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

  it('has clients take turns, a few at a time, and keeps the order within one', async () => {
    const scheduler = make(1, 10);
    const [greedy, modest] = [{ name: 'greedy' }, { name: 'modest' }];
    const first = new TestJob(greedy);
    const order = [first, ...Array.from({ length: 4 }, () => new TestJob(greedy)), new TestJob(modest)];
    for (const job of order) scheduler.submit(job);
    const [, second, third, fourth, , other] = order;
    await first.finish();
    await second?.finish();
    expect([third?.state, fourth?.state, other?.state]).toEqual(['running', 'new', 'new']);
    await third?.finish();
    expect([fourth?.state, other?.state]).toEqual(['new', 'running']);
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

  it('gives a worker its next job a little before it is thought to be done, and only one', async () => {
    const scheduler = make(1, 10);
    const jobs = Array.from({ length: 3 }, () => new TestJob({}, 10));
    const [first, second, third] = jobs as [TestJob, TestJob, TestJob];
    for (const job of jobs) scheduler.submit(job);
    const states = () => jobs.map(({ state }) => state);
    nowMs = 8;
    vi.advanceTimersByTime(8);
    expect(states()).toEqual(['running', 'new', 'new']);
    nowMs = 9;
    vi.advanceTimersByTime(1);
    expect(states()).toEqual(['running', 'running', 'new']);
    expect(scheduler).toMatchObject({ busyWorkers: 1, inFlight: 2, queueDepth: 1 });
    expect(scheduler.queueMs()).toBe(1 + 10 + 10);
    expect(second.run?.startedAtMs).toBe(9);

    nowMs = 11;
    await first.finish();
    expect(states()).toEqual(['done', 'running', 'new']);
    expect(second.run).toMatchObject({ startedAtMs: 11, behind: undefined });
    expect(scheduler.queueMs()).toBe(20);
    nowMs = 20;
    vi.advanceTimersByTime(9);
    expect(third.state).toBe('running');
    nowMs = 21;
    await second.finish();
    await third.finish();
    expect(scheduler).toMatchObject({ busyWorkers: 0, inFlight: 0 });
  });

  it('gives a worker nothing more when what it is at takes longer than was thought', async () => {
    const scheduler = make(1, 10);
    const [first, late] = [new TestJob({}, 10), new TestJob({}, 10)];
    scheduler.submit(first);
    nowMs = 15;
    vi.advanceTimersByTime(15);
    scheduler.submit(late);
    expect(late.state).toBe('new');
    expect(scheduler.cancel(late)).toBe(true);
    await first.finish();
    expect(late.state).toBe('new');
  });

  it('gives a worker nothing before it is free of a client who waits for all others', async () => {
    const scheduler = make(1, 100);
    const [greedy, modest] = [{ name: 'greedy' }, { name: 'modest' }];
    const jobs = Array.from({ length: 20 }, () => new TestJob(greedy, 10));
    const first = new TestJob(modest, 10);
    scheduler.submit(first);
    for (const job of jobs) scheduler.submit(job);
    nowMs += 10;
    await first.finish();
    const running = () => jobs.find(({ state }) => state === 'running');
    for (let run = 0; run < 15; run += 1) {
      nowMs += 10;
      await running()?.finish();
    }
    nowMs += 9;
    vi.advanceTimersByTime(9);
    expect(jobs.filter(({ state }) => state === 'running')).toHaveLength(1);
    const next = new TestJob(modest, 10);
    scheduler.submit(next);
    expect(next.run?.behind?.jobs).toEqual([running()]);
  });

  it('has what follows wait for the worker that is done first', async () => {
    const scheduler = make(2, 10);
    const [long, short, next] = [new TestJob({}, 100), new TestJob({}, 10), new TestJob({}, 10)];
    for (const job of [long, short, next]) scheduler.submit(job);
    nowMs = 9;
    vi.advanceTimersByTime(9);
    expect(next.run?.behind?.jobs).toEqual([short]);
    // The other one is done first after all: it takes whoever comes.
    await long.finish();
    const another = new TestJob({}, 10);
    scheduler.submit(another);
    expect(another.run?.behind).toBeUndefined();
    expect(scheduler).toMatchObject({ busyWorkers: 2, inFlight: 3 });
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
    expect(others[0]?.state).toBe('running');
    scheduler.submit(reserved, place);
    await others[0]?.finish();
    expect([reserved.state, others[1]?.state]).toEqual(['running', 'new']);
  });

  it('is not full of what is announced, and does not say that anyone waits for it', () => {
    const scheduler = make(1, 1);
    for (let times = 0; times < 20; times += 1) scheduler.reserve(new TestJob({}, 100));
    expect(scheduler.refusal(new TestJob({}))).toBeUndefined();
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
    const scheduler = new Scheduler({
      workers: 1,
      maxQueue: 1,
      defaultDeadlineMs: DEFAULT_DEADLINE_MS,
      clock: () => nowMs,
      loadFactor: () => k,
      onChange,
    });
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

  it('drops what can no longer be done in time before it costs anything, as soon as that is so', () => {
    const scheduler = make(1, 10);
    scheduler.submit(new TestJob({}, 100));
    const waiting = new TestJob({}, 50, 200);
    expect(scheduler.submit(waiting)).toBeUndefined();
    // 50 ms of run, a tenth more for caution, and 2 for the answer.
    nowMs = 142;
    vi.advanceTimersByTime(142);
    expect(waiting.state).toBe('new');
    nowMs = 145;
    vi.advanceTimersByTime(3);
    expect(waiting.state).toBe('deadline_exceeded');
    expect(scheduler.submit(new TestJob({}, 50, 180))?.code, 'not even when a worker is free now').toBe(
      'deadline_exceeded',
    );
  });

  it('looks again when a tail has become slower or faster while it waits', () => {
    const scheduler = make(1, 10);
    scheduler.submit(new TestJob({}, 10));
    const waiting = new TestJob({}, 100, 1_000);
    scheduler.submit(waiting);
    k = 0.5;
    nowMs = 900;
    vi.advanceTimersByTime(900);
    expect(waiting.state, 'takes 50 ms now').toBe('new');
    vi.advanceTimersByTime(60);
    nowMs = 960;
    vi.advanceTimersByTime(60);
    expect(waiting.state).toBe('deadline_exceeded');
  });

  it('has a deadline for those who name none', () => {
    const scheduler = make(1, 10);
    scheduler.submit(new TestJob({}, 100));
    const waiting = new TestJob({}, 100);
    scheduler.submit(waiting);
    nowMs = DEFAULT_DEADLINE_MS - 200;
    vi.advanceTimersByTime(nowMs);
    expect(waiting.state).toBe('new');
    nowMs = DEFAULT_DEADLINE_MS;
    vi.advanceTimersByTime(200);
    expect(waiting.state).toBe('deadline_exceeded');
  });

  it('serves the earliest deadline of a client first, and of those without one what was reserved first', async () => {
    const scheduler = make(1, 10);
    const client = {};
    const [running, late, second, soon, first] = [
      new TestJob({}),
      new TestJob(client, 10, 5_000),
      new TestJob(client),
      new TestJob(client, 10, 1_000),
      new TestJob(client),
    ] as const;
    scheduler.submit(running);
    const place = scheduler.reserve(first);
    nowMs = 1;
    for (const job of [late, second, soon]) expect(scheduler.submit(job)).toBeUndefined();
    scheduler.submit(first, place);
    expect(await inOrder(running, [late, second, soon, first])).toEqual([soon, late, first, second]);
  });

  it('judges a deadline by the order in which deadlines are served', () => {
    const scheduler = make(1, 10);
    const client = {};
    scheduler.submit(new TestJob({}, 100));
    scheduler.submit(new TestJob(client, 500));
    expect(scheduler.submit(new TestJob({}, 10, 400))?.code, 'behind both').toBe('deadline_exceeded');
    expect(scheduler.submit(new TestJob(client, 10, 400)), 'before its own other one').toBeUndefined();
  });

  it('lets a client that has had more than its share wait for the others, until they have nothing', async () => {
    const scheduler = make(1, 200);
    const [greedy, modest] = [{}, {}];
    let running = new TestJob(modest);
    scheduler.submit(running);
    const queue = Array.from({ length: 40 }, () => new TestJob(greedy));
    for (const job of queue) scheduler.submit(job);
    const goOn = async () => {
      nowMs += 10;
      await running.finish();
      running = queue.find(({ state }) => state === 'running') ?? expect.fail('nothing runs');
      return running.client === modest ? 'modest' : 'greedy';
    };
    for (let turn = 0; turn < 20; turn += 1) expect(await goOn()).toBe('greedy');
    const late = [new TestJob(modest), new TestJob(modest), new TestJob(modest)];
    for (const job of late) scheduler.submit(job);
    queue.push(...late);
    const turns: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) turns.push(await goOn());
    expect(turns).toEqual(['modest', 'modest', 'modest', 'greedy', 'greedy']);
  });

  it('gives a client with nine connections no more turns than one with a single one', async () => {
    const scheduler = make(1, 100);
    const [greedy, modest] = [{}, {}];
    const running = new TestJob({});
    scheduler.submit(running);
    const crowd = Array.from({ length: 9 }, () => {
      const connection = {};
      return [0, 1].map(() => new TestJob(greedy, 10, undefined, connection));
    }).flat();
    for (const job of crowd) scheduler.submit(job);
    const own = [new TestJob(modest), new TestJob(modest)];
    for (const job of own) scheduler.submit(job);
    const order = await inOrder(running, [...crowd, ...own]);
    expect(order.slice(0, 4).map(({ client }) => client)).toEqual([greedy, greedy, modest, modest]);
  });

  it('lets a connection that has had more than its share of its client wait for the others of that', async () => {
    const scheduler = make(1, 200);
    const [office, greedy, modest] = [{}, {}, {}];
    let running = new TestJob(office, 10, undefined, modest);
    scheduler.submit(running);
    const crowd = Array.from({ length: 40 }, () => new TestJob(office, 10, undefined, greedy));
    for (const job of crowd) scheduler.submit(job);
    for (let turn = 0; turn < 20; turn += 1) {
      nowMs += 10;
      await running.finish();
      running = crowd.find(({ state }) => state === 'running') ?? expect.fail('nothing runs');
    }
    const own = Array.from({ length: 3 }, () => new TestJob(office, 10, undefined, modest));
    for (const job of own) scheduler.submit(job);
    const order = await inOrder(running, [...crowd, ...own]);
    expect(order.slice(0, 4).map(({ connection }) => connection === modest)).toEqual([true, true, true, false]);
  });

  it('leaves places in the queue to others, however many connections a client has', () => {
    const scheduler = make(1, 64);
    scheduler.submit(new TestJob({}));
    const fill = (client: object) => {
      const jobs = Array.from({ length: 100 }, () => new TestJob(client, 10, undefined, {}));
      return jobs.filter((job) => scheduler.submit(job) === undefined).length;
    };
    expect(fill({}), 'alone, half').toBe(33);
    expect(fill({}), 'half of what is left').toBe(16);
    expect(scheduler.submit(new TestJob({}))).toBeUndefined();
  });

  it('leaves room to the other connections of a client that has taken all it may', () => {
    const scheduler = make(1, 64);
    scheduler.submit(new TestJob({}));
    const [office, greedy] = [{}, {}];
    const taken = Array.from({ length: 100 }, () => new TestJob(office, 10, undefined, greedy)).filter(
      (job) => scheduler.submit(job) === undefined,
    );
    expect(taken.length).toBe(17);
    expect(scheduler.submit(new TestJob(office, 10, undefined, {}))).toBeUndefined();
  });

  it('compares no client with a canary', async () => {
    const scheduler = make(1, 100);
    const [first, second] = [{}, {}];
    const canary = Object.assign(new TestJob({}, 1), { isCanary: true });
    scheduler.submit(canary);
    nowMs += 1;
    await canary.finish();
    const long = new TestJob(first, 10);
    scheduler.submit(long);
    const waiting = [new TestJob(first), new TestJob(second)];
    for (const job of waiting) scheduler.submit(job);
    nowMs += 1_000;
    await long.finish();
    // Beside the canary it would have had far too much.
    expect(waiting.map(({ state }) => state)).toEqual(['running', 'new']);
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

  it('tells of a job that failed and goes on, and is idle when nothing runs', async () => {
    const onDefect = vi.fn();
    const scheduler = make(1, 10, onDefect);
    const failing: Job = {
      client: {},
      connection: {},
      model: 'm',
      idleMs: 1,
      start: () => Promise.reject(new Error('worker died')),
      reject: () => undefined,
    };
    scheduler.submit(failing);
    const next = new TestJob({});
    scheduler.submit(next);
    await vi.waitFor(() => expect(next.state).toBe('running'));
    expect(onDefect.mock.calls).toEqual([[new Error('worker died')]]);
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

interface Item {
  readonly client: number;
  readonly connection: number;
  readonly dueAtMs: number;
  isReady: boolean;
}

type Step =
  | ({ readonly do: 'push' } & Readonly<Item>)
  | { readonly do: 'ready' | 'remove'; readonly pick: number }
  | { readonly do: 'shift' };

const anyItem = {
  client: fc.integer({ min: 0, max: 3 }),
  connection: fc.integer({ min: 0, max: 2 }),
  dueAtMs: fc.integer({ min: 0, max: 5 }),
  isReady: fc.boolean(),
};

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), ...anyItem }),
  fc.record({ do: fc.constantFrom('ready' as const, 'remove' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('shift' as const) }),
);

describe('the fair queue', () => {
  const CLIENTS = [0, 1, 2, 3];
  const CONNECTIONS = [0, 1, 2];
  const keys = Array.from({ length: 10 }, () => ({}));
  /** Numbers of a connection are those of its client's only. */
  const connections = keys.map(() => Array.from({ length: 10 }, () => ({})));
  const keyOf = (item: Item) => keys[item.client] ?? {};
  const queueOf = (greedy: readonly number[] = [], greedyConnections: readonly number[] = []) =>
    new FairQueue<Item>({
      isReady: ({ isReady }) => isReady,
      dueAtMs: ({ dueAtMs }) => dueAtMs,
      owners: [keyOf, ({ client, connection }) => connections[client]?.[connection] ?? {}],
      judge: () => [
        ({ client }) => greedy.includes(client),
        ({ connection }) => greedyConnections.includes(connection),
      ],
    });
  const takeAll = (queue: FairQueue<Item>) =>
    Array.from({ length: queue.size }, () => queue.shift() ?? expect.fail('an item is missing'));
  const allReady = fc.array(fc.record({ ...anyItem, isReady: fc.constant(true) }), { maxLength: 40 });

  it('gives back everything once, each connection by deadline', () => {
    fc.assert(
      fc.property(allReady, (items) => {
        const queue = queueOf();
        for (const item of items) queue.push(item);
        const out = takeAll(queue);
        expect(queue.shift()).toBeUndefined();
        for (const client of CLIENTS) {
          for (const connection of CONNECTIONS) {
            const isOwn = (item: Item) => item.client === client && item.connection === connection;
            const own = items.filter(isOwn);
            // The sort is stable: of equal deadlines the first stays first.
            expect(out.filter(isOwn)).toEqual(own.toSorted((a, b) => a.dueAtMs - b.dueAtMs));
          }
        }
      }),
    );
  });

  it('serves in order of arrival where no client has more than two in the line', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 0, 1, 1, 2, 2, 3, 3]), (clients) => {
        const queue = queueOf();
        for (const client of clients) queue.push({ client, connection: 0, dueAtMs: 0, isReady: true });
        expect(takeAll(queue).map(({ client }) => client)).toEqual(clients);
      }),
    );
  });

  it('serves the connections of a client in order of arrival where none has more than two in the line', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 0, 1, 1, 2, 2, 3, 3]), (numbers) => {
        const queue = queueOf();
        for (const connection of numbers) queue.push({ client: 0, connection, dueAtMs: 0, isReady: true });
        expect(takeAll(queue).map(({ connection }) => connection)).toEqual(numbers);
      }),
    );
  });

  it('lets nobody wait for more than two of each other client, however many they and their connections have', () => {
    fc.assert(
      fc.property(allReady, (items) => {
        const queue = queueOf();
        for (const item of items) queue.push(item);
        const late: Item = { client: 9, connection: 0, dueAtMs: 9, isReady: true };
        queue.push(late);
        const before = queue.ahead(late);
        for (const client of CLIENTS) {
          const own = items.filter((item) => item.client === client);
          expect(before.filter((item) => item.client === client)).toHaveLength(Math.min(2, own.length));
        }
      }),
    );
  });

  it('lets no connection wait for more than two of each other one of its client', () => {
    fc.assert(
      fc.property(allReady, (items) => {
        const queue = queueOf();
        for (const item of items) queue.push(item);
        const late: Item = { client: 0, connection: 9, dueAtMs: 9, isReady: true };
        queue.push(late);
        const before = queue.ahead(late);
        for (const connection of CONNECTIONS) {
          const isSibling = (item: Item) => item.client === 0 && item.connection === connection;
          const siblings = items.filter(isSibling);
          expect(before.filter(isSibling)).toHaveLength(Math.min(2, siblings.length));
        }
      }),
    );
  });

  it('has clients that are judged wait for all others', () => {
    fc.assert(
      fc.property(allReady, (items) => {
        const queue = queueOf([0, 2], [1]);
        for (const item of items) queue.push(item);
        const out = takeAll(queue);
        const isGreedy = out.map(({ client }) => client % 2 === 0);
        expect(isGreedy).toEqual(isGreedy.toSorted((a, b) => Number(a) - Number(b)));
        for (const client of CLIENTS) {
          const waits = out.filter((item) => item.client === client).map(({ connection }) => connection === 1);
          expect(waits).toEqual(waits.toSorted((a, b) => Number(a) - Number(b)));
        }
      }),
    );
  });

  it('keeps whatever is not ready, becomes ready or leaves', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const queue = queueOf([3], [1]);
        let items: Item[] = [];
        for (const step of steps) {
          if (step.do === 'push') {
            const { do: _, ...item } = step;
            queue.push(item);
            items.push(item);
          } else if (step.do === 'shift') {
            const ready = items.filter(({ isReady }) => isReady);
            const taken = queue.shift();
            expect(taken === undefined).toBe(ready.length === 0);
            if (taken === undefined) continue;
            expect(taken.client === 3 && ready.some(({ client }) => client !== 3)).toBe(false);
            const { client, connection } = taken;
            const own = ready.filter((item) => item.client === client && item.connection === connection);
            expect(taken).toBe(own.toSorted((a, b) => a.dueAtMs - b.dueAtMs)[0]);
            items = items.filter((item) => item !== taken);
          } else {
            const item = items[step.pick % Math.max(1, items.length)];
            if (item === undefined) continue;
            if (step.do === 'ready') item.isReady = true;
            else {
              expect(queue.remove(item)).toBe(true);
              items = items.filter((other) => other !== item);
            }
          }
          expect(queue.size).toBe(items.length);
          expect(new Set(queue)).toEqual(new Set(items));
        }
      }),
    );
  });

  it('knows what is taken before an item that is not ready yet, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.record(anyItem), { minLength: 1 }), fc.nat(), fc.nat({ max: 5 }), (all, pick, served) => {
        const queue = queueOf([3], [1]);
        for (const item of all) queue.push(item);
        for (let turn = 0; turn < served; turn += 1) queue.shift();
        const left = [...queue];
        const item = left[pick % Math.max(1, left.length)];
        if (item === undefined) return;
        const said = queue.ahead(item);
        item.isReady = true;
        const taken: Item[] = [];
        for (let next = queue.shift(); next !== undefined && next !== item; next = queue.shift()) taken.push(next);
        expect(said).toEqual(taken);
      }),
    );
  });

  it('lets an item be taken out', () => {
    const client = {};
    const queue = new FairQueue<string>({
      isReady: () => true,
      dueAtMs: () => 0,
      owners: [() => client],
      judge: () => [() => false],
    });
    queue.push('a');
    queue.push('b');
    expect(queue.remove('a')).toBe(true);
    expect(queue.remove('a')).toBe(false);
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
