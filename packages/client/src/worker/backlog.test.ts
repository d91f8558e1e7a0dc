import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { Backlog } from './backlog.js';

function open() {
  const clock = new ManualClock();
  const backlog = new Backlog(clock);
  const ask = (expectedMs: number) => {
    let resolve: (value: string) => void = () => {};
    let reject: (error: Error) => void = () => {};
    const task = new Promise<string>((...both) => {
      [resolve, reject] = both;
    });
    return { asked: backlog.run(expectedMs, () => task), resolve, reject };
  };
  return { clock, backlog, ask };
}

it('knows how long what was asked will take, and how long each waited for the ones before', async () => {
  const { clock, backlog, ask } = open();
  expect(backlog.aheadMs).toBe(0);
  const first = ask(10);
  const second = ask(20);
  expect(backlog.aheadMs).toBe(30);
  clock.advance(4);
  const third = ask(5);
  expect(backlog.aheadMs).toBe(31);
  // Late: it is thought to end now, and the others still have all of theirs before them.
  clock.advance(46);
  expect(backlog.aheadMs).toBe(25);
  first.resolve('a');
  expect(await first.asked).toEqual({ value: 'a', waitMs: 0 });
  clock.advance(8);
  expect(backlog.aheadMs).toBe(17);
  second.resolve('b');
  expect(await second.asked).toEqual({ value: 'b', waitMs: 50 });
  third.resolve('c');
  expect(await third.asked).toEqual({ value: 'c', waitMs: 54 });
  expect([backlog.aheadMs, backlog.size]).toEqual([0, 0]);
});

it('is rid of what failed, or was taken back before its turn', async () => {
  const { clock, backlog, ask } = open();
  const first = ask(10);
  const second = ask(20);
  const third = ask(5);
  second.reject(new Error('aborted'));
  await expect(second.asked).rejects.toThrow('aborted');
  expect(backlog.aheadMs).toBe(15);
  clock.advance(3);
  first.reject(new Error('lost'));
  await expect(first.asked).rejects.toThrow('lost');
  expect(backlog.aheadMs).toBe(5);
  third.resolve('c');
  expect(await third.asked).toEqual({ value: 'c', waitMs: 3 });
});
