import { expect, test } from 'vitest';
import { FULL, QUICK } from './experiment.js';
import { parseLiveOptions } from './options.js';

test('the full run has at least 24 cells over four networks, three bandwidths and three loads, five times', () => {
  const { models, megabitsPerSecond, loads, repeats } = parseLiveOptions([]).experiment;
  expect([models.length, megabitsPerSecond.length, loads.length]).toEqual([4, 3, 3]);
  expect(repeats).toBe(5);
});

test('what is asked for replaces what is usual', () => {
  const { experiment, out } = parseLiveOptions(
    '--quick --networks alexnet --bandwidths 8,32 --loads medium --repeats 1 --out x.json'.split(' '),
  );
  expect(experiment).toMatchObject({ models: ['bench-alexnet'], megabitsPerSecond: [8, 32], repeats: 1 });
  expect(experiment.loads.map(({ name }) => name)).toEqual(['medium']);
  expect(experiment.cellLimitMs).toBe(QUICK.cellLimitMs);
  expect(experiment.policies).toEqual(FULL.policies);
  expect(out).toBe('x.json');
});

test.each([
  ['--bandwidths', '0'],
  ['--bandwidths', '4,fast'],
  ['--loads', 'crushing'],
  ['--slowdown', '-1'],
])('%s %s is refused by name', (option, value) => {
  expect(() => parseLiveOptions([option, value])).toThrow(option);
});
