import { ProtocolError } from '@cutpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Batching } from './job.js';
import { type Job, Scheduler } from './scheduler.js';

const SINGLE_MS = 10;

/** Two run in 1.2 times the time of one, four in 1.6. */
function tail(maxSize = 4): Batching & { meetings: number } {
  const batching = {
    maxSize,
    meetings: 0,
    slowdown: (size: number) => 1 + 0.2 * (size - 1),
    met: () => {
      batching.meetings += 1;
    },
  };
  return batching;
}

class TestJob implements Job {
  readonly model = 'm';
  readonly idleMs = SINGLE_MS;
  readonly name: string;
  readonly client: object;
  readonly connection: object;
  readonly batching?: Batching;
  readonly deadlineAtMs?: number;
  /** Names of those that run with it, once it runs. */
  run: string | undefined;
  refusal: string | undefined;
  #done: () => void = () => undefined;

  constructor(
    name: string,
    batching?: Batching,
    more: { client?: object; connection?: object; deadlineAtMs?: number } = {},
  ) {
    this.name = name;
    this.client = more.client ?? {};
    this.connection = more.connection ?? this.client;
    if (batching !== undefined) this.batching = batching;
    if (more.deadlineAtMs !== undefined) this.deadlineAtMs = more.deadlineAtMs;
  }

  async start(others: readonly Job[]): Promise<void> {
    const jobs = [this, ...others.filter((other) => other instanceof TestJob)];
    for (const job of jobs) job.run = jobs.map(({ name }) => name).join(' ');
    await new Promise<void>((resolve) => {
      this.#done = resolve;
    });
  }

  reject({ code }: ProtocolError): void {
    this.refusal = code;
  }

  async finish(): Promise<void> {
    this.#done();
    await Promise.resolve();
    await Promise.resolve();
  }
}

let nowMs = 0;
let scheduler: Scheduler;
let busy: TestJob;

const open = (batchWaitMs = 0, workers = 1) =>
  new Scheduler({
    workers,
    maxQueue: 20,
    batchWaitMs,
    defaultDeadlineMs: 10_000,
    clock: () => nowMs,
    loadFactor: () => 1,
  });

function submit(...jobs: TestJob[]): void {
  for (const job of jobs) expect(scheduler.submit(job), job.name).toBeUndefined();
}

beforeEach(() => {
  nowMs = 0;
  vi.useFakeTimers();
  scheduler = open();
  busy = new TestJob('busy');
  submit(busy);
});
afterEach(() => vi.useRealTimers());

describe('requests of one tail', () => {
  it('share a run when their turn comes, as many as may, in the order of their turns', async () => {
    const a = tail();
    const jobs = ['1', '2', '3', '4', '5', '6'].map((name) => new TestJob(name, a));
    submit(...jobs);
    await busy.finish();
    expect(jobs.map(({ run }) => run)).toEqual(['1 2 3 4', '1 2 3 4', '1 2 3 4', '1 2 3 4', undefined, undefined]);
    expect([scheduler.inFlight, scheduler.queueDepth, scheduler.busyWorkers]).toEqual([4, 2, 1]);
    await jobs[0]?.finish();
    expect(jobs[4]?.run).toBe('5 6');
    await jobs[4]?.finish();
    expect([scheduler.inFlight, scheduler.queueDepth, scheduler.busyWorkers]).toEqual([0, 0, 0]);
  });

  it('run by themselves where that is not known to pay, and it is told that they met', async () => {
    const a = tail(1);
    const [one, two] = [new TestJob('1', a), new TestJob('2', a)];
    submit(one, two);
    await busy.finish();
    expect([one.run, two.run]).toEqual(['1', undefined]);
    expect(a.meetings).toBe(1);
  });

  it('are not kept from a free worker', () => {
    scheduler = open(0, 2);
    const a = tail();
    const [one, two] = [new TestJob('1', a), new TestJob('2', a)];
    submit(one, two);
    expect([one.run, two.run]).toEqual(['1', '2']);
  });

  it('do not wait for one that was cancelled before', async () => {
    const a = tail();
    const [one, two, three] = [new TestJob('1', a), new TestJob('2', a), new TestJob('3', a)];
    submit(one, two, three);
    expect(scheduler.cancel(two)).toBe(true);
    await busy.finish();
    expect([one.run, two.run]).toEqual(['1 3', undefined]);
    expect(scheduler.cancel(three), 'it runs').toBe(false);
  });

  it('are all refused when the edge stops, also those that wait for others', () => {
    scheduler = open(50);
    const one = new TestJob('1', tail());
    submit(one);
    scheduler.rejectQueued(new ProtocolError('shutting_down', 'this edge is stopping'));
    expect([one.run, one.refusal, scheduler.queueDepth]).toEqual([undefined, 'shutting_down', 0]);
  });
});

describe('others that wait meanwhile', () => {
  it('are passed by one request of each client, and not by more', async () => {
    const [a, b] = [tail(), tail()];
    const [greedy, modest] = [{}, {}];
    const ofGreedy = ['1', '2', '3', '4'].map((name) => new TestJob(name, a, { client: greedy }));
    const other = new TestJob('other', b);
    const later = new TestJob('later', a, { client: modest });
    const [first, second, third] = ofGreedy;
    submit(first as TestJob, second as TestJob, other, third as TestJob, ofGreedy[3] as TestJob, later);
    await busy.finish();
    // A client has two turns in the line: the second is next, the third and fourth would pass the other.
    expect(first?.run).toBe('1 2 later');
    await first?.finish();
    expect(other.run).toBe('other');
  });

  it('of the same client are passed by one request of each connection, and by those of the same one', async () => {
    const [a, b] = [tail(8), tail()];
    const client = {};
    const [here, there] = [{}, {}];
    const at = (name: string, connection: object, batching: Batching) =>
      new TestJob(name, batching, { client, connection });
    const jobs = [at('1', here, a), at('other', here, b), at('2', here, a), at('3', there, a)];
    submit(...jobs);
    await busy.finish();
    // Of the other connection one passes, and then what is of the same one as the other.
    expect(jobs[0]?.run).toBe('1 3 2');
    await jobs[0]?.finish();

    const more = [at('4', there, a), at('5', there, a)];
    submit(...[...more, at('6', here, a), at('7', here, b), at('8', there, a)]);
    await jobs[1]?.finish();
    expect(more[0]?.run, 'the eighth would pass the seventh').toBe('4 5 6');
  });

  it('are not passed by a client that had too much', async () => {
    const [a, b] = [tail(), tail()];
    const greedy = {};
    // It had the worker for long, beside one that had it shortly.
    for (const [client, ms] of [
      [greedy, 5_000],
      [{}, 1],
    ] as const) {
      const job = new TestJob('long', undefined, { client });
      submit(job);
      await busy.finish();
      nowMs += ms;
      await job.finish();
      busy = new TestJob('busy');
      submit(busy);
    }
    const [one, other, late] = [
      new TestJob('1', a),
      new TestJob('other', b),
      new TestJob('late', a, { client: greedy }),
    ];
    submit(one, other, late);
    await busy.finish();
    expect(one.run).toBe('1');
  });

  it('are not made late', async () => {
    const [a, b] = [tail(), tail()];
    const [one, two, three] = [new TestJob('1', a), new TestJob('2', a), new TestJob('3', a)];
    // After one alone it is done at 10 + 10 + 11 + 2 ms; two take 2 ms more, three 4.
    const other = new TestJob('other', b, { deadlineAtMs: 36 });
    submit(one, other, two, three);
    nowMs = 10;
    await busy.finish();
    expect(one.run).toBe('1 2');
  });
});

describe('a deadline', () => {
  it('that a longer run would miss keeps its request out of it, or others', async () => {
    const a = tail();
    // Alone done by 11 + 2, two by 13.2 + 2, three by 15.4 + 2 after the start.
    const one = new TestJob('1', a, { deadlineAtMs: 10 + 16 });
    const rest = ['2', '3'].map((name) => new TestJob(name, a));
    submit(one, ...rest);
    nowMs = 10;
    await busy.finish();
    expect(one.run).toBe('1 2');
  });

  it('that only a run by itself could keep is not counted on', async () => {
    const a = tail();
    // Admitted to a run of two from 10 to 23.2 ms, with 2 for the answer; the worker is late.
    const [first, late] = [new TestJob('first', a), new TestJob('late', a, { deadlineAtMs: 26 })];
    submit(first, late);
    nowMs = 12;
    await busy.finish();
    expect([first.run, late.run]).toEqual(['first', undefined]);
  });

  it('is promised by what requests that share a run take', () => {
    const a = tail();
    submit(...['1', '2', '3'].map((name) => new TestJob(name, a)));
    // One by one it would be the turn of a fourth after 40 ms; it will share their run, from 10 to 26 ms.
    expect(scheduler.submit(new TestJob('4', a, { deadlineAtMs: 32 }))).toBeUndefined();
    expect(scheduler.submit(new TestJob('5', a, { deadlineAtMs: 32 }))?.code).toBe('deadline_exceeded');
    expect(scheduler.submit(new TestJob('other', tail(), { deadlineAtMs: 32 }))?.code).toBe('deadline_exceeded');
  });
});

describe('the predicted wait', () => {
  it('counts requests that will share a run, and those that do, as that run', async () => {
    const a = tail();
    const jobs = ['1', '2', '3', '4', '5'].map((name) => new TestJob(name, a));
    submit(...jobs);
    // 10 of what runs, 16 of four, 10 of the fifth.
    expect(scheduler.queueMs()).toBeCloseTo(36);
    nowMs = 10;
    await busy.finish();
    nowMs = 14;
    expect(scheduler.queueMs()).toBeCloseTo(12 + 10);
  });

  it('counts requests of tails that share none one by one', () => {
    submit(...['1', '2'].map((name) => new TestJob(name, tail())), new TestJob('3'));
    expect(scheduler.queueMs()).toBe(40);
  });
});

it('each client is charged its part of a run', async () => {
  const a = tail();
  const [heavy, light] = [{}, {}];
  const [one, two] = [new TestJob('1', a, { client: heavy }), new TestJob('2', a, { client: light })];
  submit(one, two);
  await busy.finish();
  nowMs = 1_000;
  await one.finish();
  // Had one of them all of it, it would wait for the other now.
  const [again, other] = [
    new TestJob('again', undefined, { client: heavy }),
    new TestJob('other', undefined, { client: light }),
  ];
  busy = new TestJob('busy', undefined, { client: light });
  submit(busy, again, other);
  await busy.finish();
  expect([again.run, other.run]).toEqual(['again', undefined]);
});

describe('a request may wait for others', () => {
  beforeEach(() => {
    scheduler = open(5);
  });

  it('so long as was said, and runs with those that came', () => {
    const a = tail();
    const [one, two] = [new TestJob('1', a), new TestJob('2', a)];
    submit(one);
    expect(one.run).toBeUndefined();
    vi.advanceTimersByTime(3);
    submit(two);
    expect(one.run).toBeUndefined();
    vi.advanceTimersByTime(2);
    expect([one.run, two.run]).toEqual(['1 2', '1 2']);
  });

  it('and not when there are enough', () => {
    const a = tail(2);
    const [one, two] = [new TestJob('1', a), new TestJob('2', a)];
    submit(one, two);
    expect(one.run).toBe('1 2');
  });

  it('never past what its deadline leaves', () => {
    const one = new TestJob('1', tail(2), { deadlineAtMs: 17.7 });
    submit(one);
    // A run of two takes 13.2 ms, and the answer 2.
    vi.advanceTimersByTime(1);
    expect(one.run).toBeUndefined();
    vi.advanceTimersByTime(2);
    expect(one.run).toBe('1');
    const hasty = new TestJob('hasty', tail(2), { deadlineAtMs: 14 });
    scheduler = open(5);
    submit(hasty);
    expect(hasty.run).toBe('hasty');
  });

  it('while others go first, and not where sharing does not pay', async () => {
    const [one, other, plain] = [new TestJob('1', tail()), new TestJob('other', tail(1)), new TestJob('plain')];
    submit(one, other);
    expect([one.run, other.run]).toEqual([undefined, 'other']);
    submit(plain);
    await other.finish();
    expect([one.run, plain.run]).toEqual([undefined, 'plain']);
    vi.advanceTimersByTime(5);
    await plain.finish();
    expect(one.run).toBe('1');
  });
});
