import { expect, it } from 'vitest';
import { Interest } from './interest.js';

const MINUTE_MS = 60_000;

it('is in the models that tails were run of, for as long as the client is active', () => {
  const interest = new Interest();
  expect(interest.models(0)).toEqual([]);
  interest.active(0, 'm');
  interest.active(1_000, 'n');
  interest.active(2_000, 'm');
  expect(interest.models(4 * MINUTE_MS)).toEqual(['m', 'n']);
  interest.active(4 * MINUTE_MS);
  expect(interest.models(8 * MINUTE_MS)).toEqual(['m', 'n']);
  expect(interest.models(10 * MINUTE_MS)).toEqual([]);
  interest.active(20 * MINUTE_MS);
  expect(interest.models(20 * MINUTE_MS)).toEqual(['m', 'n']);
});
