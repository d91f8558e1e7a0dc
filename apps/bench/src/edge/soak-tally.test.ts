import { expect, it } from 'vitest';
import { tallyOf } from './soak-tally.js';

const records = (...outcomes: string[]) => outcomes.map((outcome) => ({ outcome }));

it('counts each request once, and the share of the answered among those that somebody waited for', () => {
  const outcomes = [
    'ok',
    'ok',
    'ok',
    'overloaded',
    'too_many_in_flight',
    'tail_failed',
    'vanished',
    'vanished',
    'lost',
  ];
  expect(tallyOf(records(...outcomes))).toEqual({
    requests: 9,
    ok: 3,
    refused: 2,
    errored: 1,
    vanished: 2,
    lost: 1,
    okPct: 42.9,
  });
});

it('takes what it does not know for an error', () => {
  expect(tallyOf(records('ok', 'bad_tensors', 'internal_error'))).toMatchObject({ ok: 1, refused: 0, errored: 2 });
});

it('has no share of nothing', () => {
  expect(tallyOf([]).okPct).toBeNull();
  expect(tallyOf(records('vanished')).okPct).toBeNull();
});
