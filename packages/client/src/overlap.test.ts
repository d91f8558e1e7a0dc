import { expect, it } from 'vitest';
import { Overlap } from './overlap.js';

it('was alone what began and ended while nothing else did', () => {
  const overlap = new Overlap();
  expect(overlap.begin()()).toBe(true);
  const [first, second] = [overlap.begin(), overlap.begin()];
  expect(first()).toBe(false);
  expect(second()).toBe(false);
  expect(overlap.begin()()).toBe(true);
});

it('was not alone what another one began and ended within', () => {
  const overlap = new Overlap();
  const outer = overlap.begin();
  expect(overlap.begin()()).toBe(false);
  expect(outer()).toBe(false);
});
