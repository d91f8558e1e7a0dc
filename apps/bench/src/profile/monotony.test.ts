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
  test('times again what is out of order, and only that', async () => {
    const asked: number[] = [];
    const again = async (index: number): Promise<Timing> => {
      asked.push(index);
      return took([1, 5, 8, 10][index] ?? 0);
    };
    const kept = await inOrder([took(1), took(5), took(40), took(10)], again, 2);
    expect(kept.map(({ ms }) => ms)).toEqual([1, 5, 8, 10]);
    expect(asked).toEqual([2, 3]);
  });

  test('gives up after some rounds on what is really so', async () => {
    let asked = 0;
    const really = [took(1), took(9), took(5)];
    const again = async (index: number): Promise<Timing> => {
      asked++;
      return really[index] ?? took(0);
    };
    expect(await inOrder(really, again, 2)).toEqual(really);
    expect(asked).toBe(4);
  });

  test('never keeps the longer time', async () => {
    const kept = await inOrder([took(20), took(10)], async () => took(30), 1);
    expect(kept.map(({ ms }) => ms)).toEqual([20, 10]);
  });
});
