import { expect, it } from 'vitest';
import { UploadBudget } from './upload-budget.js';

const [slow, other] = [{}, {}];

it('leaves three quarters to the others, whatever one connection announces', () => {
  const budget = new UploadBudget(100, 10);
  expect(budget.take(slow, 10)).toBe('taken');
  expect(budget.take(slow, 10)).toBe('taken');
  expect(budget.take(slow, 10)).toBe('beyond-share');
  for (const holder of [{}, {}, {}, {}]) for (const numBytes of [10, 10]) budget.take(holder, numBytes);
  expect(budget.heldBytes).toBe(100);
  expect(budget.take(other, 1)).toBe('beyond-all');
  budget.give(slow, 10);
  expect(budget.take(slow, 10)).toBe('taken');
});

it('always has room for one request of the largest size on a connection', () => {
  const budget = new UploadBudget(100, 60);
  expect(budget.take(slow, 60)).toBe('taken');
  expect(budget.take(slow, 1)).toBe('beyond-share');
  expect(budget.take(other, 60)).toBe('beyond-all');
  budget.give(slow, 60);
  expect(budget.take(other, 60)).toBe('taken');
  budget.give(other, 60);
  expect(budget.heldBytes).toBe(0);
});
