import { afterEach, expect, it, vi } from 'vitest';
import { WindowStore } from './window-store.js';

afterEach(() => void vi.useRealTimers());

it('counts each client in a window, and begins again when that is over, whatever happens to the wall clock', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.UTC(2030, 0, 1) });
  const store = new WindowStore();
  const count = (key: string): number => {
    let counted = 0;
    store.incr(
      key,
      (_, { current }) => {
        counted = current;
      },
      1_000,
    );
    return counted;
  };
  expect([count('a'), count('a'), count('b')]).toEqual([1, 2, 1]);
  vi.setSystemTime(Date.UTC(2029, 0, 1));
  expect(count('a')).toBe(3);
  vi.advanceTimersByTime(1_000);
  expect(count('a')).toBe(1);
});
