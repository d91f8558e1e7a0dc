import { expect, it } from 'vitest';
import { DEFAULT_CONNECT_OPTIONS } from './index.js';

it('the defaults of all apps in a page cannot be changed by one of them', () => {
  expect(Object.isFrozen(DEFAULT_CONNECT_OPTIONS)).toBe(true);
  for (const value of Object.values(DEFAULT_CONNECT_OPTIONS)) expect(Object.isFrozen(value)).toBe(true);
});
