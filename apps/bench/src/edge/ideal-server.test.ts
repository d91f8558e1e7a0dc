import { expect, it } from 'vitest';
import { idealTimes } from './ideal-server.js';

const at = (atMs: number, serviceMs: number) => ({ atMs, serviceMs });

it('serves in order of arrival, whoever is written down first', () => {
  expect(idealTimes([at(10, 5), at(0, 20), at(100, 5)], 1)).toEqual([20, 15, 5]);
});

it('has as many workers as it is told', () => {
  expect(idealTimes([at(0, 20), at(0, 10), at(1, 10)], 2)).toEqual([20, 10, 19]);
});
