import { expect, it } from 'vitest';
import { UploadBudget } from './upload-budget.js';

const [slow, other] = [{}, {}];
const on = (client: object, connection: object = {}) => ({ client, connection });

it('leaves three quarters to the others, however many connections a client opens', () => {
  const budget = new UploadBudget(100, 10);
  const first = on(slow);
  expect(budget.take(first, 10)).toBe('taken');
  expect(budget.take(on(slow), 10)).toBe('taken');
  expect(budget.take(on(slow), 10)).toBe('beyond-share');
  for (let index = 0; index < 8; index += 1) budget.take(on({}), 10);
  expect(budget.heldBytes).toBe(100);
  expect(budget.take(on(other), 1)).toBe('beyond-all');
  budget.give(first, 10);
  expect(budget.take(on(slow), 10)).toBe('taken');
});

it('leaves half of what a client may have to its other connections', () => {
  const budget = new UploadBudget(160, 10);
  const busy = on(slow);
  expect(budget.take(busy, 10)).toBe('taken');
  expect(budget.take(busy, 10)).toBe('taken');
  expect(budget.take(busy, 1)).toBe('beyond-share');
  expect(budget.take(on(slow), 20)).toBe('taken');
  expect(budget.take(on(slow), 1)).toBe('beyond-share');
});

it('always has room for one request of the largest size of a client', () => {
  const budget = new UploadBudget(100, 60);
  const [first, second] = [on(slow), on(other)];
  expect(budget.take(first, 60)).toBe('taken');
  expect(budget.take(first, 1)).toBe('beyond-share');
  expect(budget.take(on(slow), 1)).toBe('beyond-share');
  expect(budget.take(second, 60)).toBe('beyond-all');
  budget.give(first, 60);
  expect(budget.take(second, 60)).toBe('taken');
  budget.give(second, 60);
  expect(budget.heldBytes).toBe(0);
});
