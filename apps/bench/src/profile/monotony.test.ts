import { describe, expect, test } from 'vitest';
import { inOrder, stepsBack } from './monotony.js';
import type { Timing } from './timing.js';

const took = (ms: number): Timing => ({ ms, spread: 0, runs: 7 });

describe('stepsBack', () => {
  test('finds nothing where times grow, or shrink within noise', () => {
    expect(stepsBack([0, 5, 5.2, 5.1, 100, 98])).toEqual([]);
  });

  test('finds the one that is too long and all that it towers over', () => {
    expect(stepsBack([0, 5, 40, 10, 20, 50])).toEqual([2, 3, 4]);
  });

  test('finds the one that is too short', () => {
    expect(stepsBack([0, 50, 3, 60])).toEqual([1, 2]);
  });
});

describe('inOrder', () => {
  const items = ['a', 'b', 'c', 'd'];
  const taking = (...times: readonly number[]) =>
    new Map(items.flatMap((item, index) => (index < times.length ? [[item, took(times[index] ?? 0)] as const] : [])));
  const timesOf = (timings: ReadonlyMap<string, Timing>): number[] => [...timings.values()].map(({ ms }) => ms);

  test('times again what is out of order, and only that', async () => {
    const asked: string[] = [];
    const really = taking(1, 5, 8, 10);
    const timings = taking(1, 5, 40, 10);
    await inOrder(
      items,
      timings,
      async (item) => {
        asked.push(item);
        return really.get(item) ?? took(0);
      },
      2,
    );
    expect(timesOf(timings)).toEqual([1, 5, 8, 10]);
    expect(asked).toEqual(['c', 'd']);
  });

  test('gives up after some rounds on what is really so', async () => {
    let asked = 0;
    const timings = taking(1, 9, 5, 20);
    const really = new Map(timings);
    await inOrder(
      items,
      timings,
      async (item) => {
        asked++;
        return really.get(item) ?? took(0);
      },
      2,
    );
    expect(timings).toEqual(really);
    expect(asked).toBe(4);
  });

  test('never keeps the longer time', async () => {
    const timings = taking(20, 10);
    await inOrder(['a', 'b'], timings, async () => took(30), 1);
    expect(timesOf(timings)).toEqual([20, 10]);
  });
});
