import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { BodyQueue, type BodyTurn } from './body-queue.js';

const queueOf = () => new BodyQueue(() => performance.now());
let order: string[];
let free: () => void;
beforeEach(() => {
  order = [];
});

const turn = (client: object, more: Partial<BodyTurn> = {}): BodyTurn => ({
  owners: { client, connection: client },
  deadlineAtMs: performance.now() + 60_000,
  signal: new AbortController().signal,
  ...more,
});

/** Takes the thread until `free` is called. */
function take(queue: BodyQueue): Promise<void> {
  const taken = new Promise<void>((resolve) => {
    free = resolve;
  });
  return queue.run(turn({}), () => taken);
}

const note = (queue: BodyQueue, name: string, of: BodyTurn) =>
  queue.run(of, async () => {
    order.push(name);
  });

describe('bodies', () => {
  it('are done one after another, and one that fails holds up no other', async () => {
    const queue = queueOf();
    const failing = queue.run(turn({}), async () => {
      await sleep(10);
      throw new Error('no JSON');
    });
    const next = note(queue, 'next', turn({}));
    expect(order).toEqual([]);
    await expect(failing).rejects.toThrow('no JSON');
    await next;
    expect(order).toEqual(['next']);
  });

  it('of nobody leave before they are read', async () => {
    const queue = queueOf();
    const running = take(queue);
    const abort = new AbortController();
    const vanished = note(queue, 'vanished', turn({}, { signal: abort.signal }));
    const other = note(queue, 'other', turn({}));
    abort.abort();
    await expect(vanished).rejects.toMatchObject({ code: 'cancelled' });
    free();
    await Promise.all([running, other]);
    expect(order).toEqual(['other']);
    await expect(note(queue, 'late', turn({}, { signal: abort.signal }))).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('that waited until their deadline leave, and those that come after it are not even queued', async () => {
    const queue = queueOf();
    const running = take(queue);
    const late = note(queue, 'late', turn({}, { deadlineAtMs: performance.now() + 20 }));
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const over = note(queue, 'over', turn({}, { deadlineAtMs: performance.now() - 1 }));
    await expect(over).rejects.toMatchObject({ code: 'deadline_exceeded' });
    free();
    await running;
    expect(order).toEqual([]);
  });

  it('take turns between clients, the earliest deadline of each first', async () => {
    const queue = queueOf();
    const running = take(queue);
    const [greedy, modest] = [{}, {}];
    const soonAtMs = performance.now() + 5_000;
    const all = [
      ...['a', 'b', 'c', 'd'].map((name) => note(queue, name, turn(greedy))),
      note(queue, 'modest', turn(modest)),
      note(queue, 'soon', turn(greedy, { deadlineAtMs: soonAtMs })),
    ];
    free();
    await Promise.all([running, ...all]);
    expect(order.slice(0, 3)).toEqual(['soon', 'a', 'modest']);
  });
});
