import { expect, test } from 'vitest';
import { type CutSize, chooseCuts } from './choose-cuts.js';

/** Cuts of a chain; `bytes` of what crosses before each node and after the last. */
function chain(bytes: readonly number[]): CutSize[] {
  return bytes.map((bytesUp, id) => ({ id, bytesUp, headFlops: 100 * id, crossing: bytesUp > 0 ? ['x'] : [] }));
}

const ids = (cuts: readonly CutSize[]): number[] => cuts.map(({ id }) => id);

test('both ends are there, and every cut that sends less than all before it', () => {
  const cuts = chain([600, 800, 800, 200, 400, 150, 160, 0]);
  expect(ids(chooseCuts(cuts, { proposed: [], least: 0, most: 18 }))).toEqual([0, 3, 5, 7]);
});

test('of too many the largest savings stay', () => {
  const cuts = chain([600, 500, 100, 90, 0]);
  expect(ids(chooseCuts(cuts, { proposed: [], least: 0, most: 3 }))).toEqual([0, 2, 4]);
});

test('what was proposed is there, also beyond the most and also where it is no prefix', () => {
  const cuts = chain([600, 800, 900, 700, 0]);
  const other: CutSize = { id: 5, bytesUp: 650, headFlops: 150, crossing: ['x', 'y'] };
  const proposed = [other, ...cuts.slice(2, 3)];
  expect(ids(chooseCuts(cuts, { proposed, least: 0, most: 2 }))).toEqual([0, 2, 4, 5]);
});

test('gaps are filled with the boundaries of blocks before anything else', () => {
  // After 1 and 3 comes an activation: as many bytes again.
  const cuts = chain([600, 900, 900, 800, 800, 700, 0]);
  expect(ids(chooseCuts(cuts, { proposed: [], least: 5, most: 18 }))).toEqual([0, 2, 4, 5, 6]);
});

test('there are no more cuts than the network has', () => {
  const cuts = chain([600, 900, 900, 0]);
  expect(ids(chooseCuts(cuts, { proposed: [], least: 12, most: 18 }))).toEqual([0, 1, 2, 3]);
});
