import { expect, test } from 'vitest';
import { quicker, timingOf } from './timing.js';

test('runs that warm up do not count', () => {
  expect(timingOf([90, 80, 4, 5, 6], 2)).toEqual({ ms: 5, spread: 0.2, runs: 3 });
});

test('of few runs at most half warm up', () => {
  expect(timingOf([90, 4, 6], 15)).toMatchObject({ ms: 5, runs: 2 });
});

test('of two timings the quicker is kept whole', () => {
  const slow = { ms: 9, spread: 0.1, runs: 7 };
  const quick = { ms: 8, spread: 0.5, runs: 3 };
  expect(quicker(slow, quick)).toBe(quick);
  expect(quicker(quick, slow)).toBe(quick);
});
