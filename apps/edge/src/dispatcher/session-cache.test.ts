import { describe, expect, it } from 'vitest';
import { Affinity } from './affinity.js';
import { SessionCache } from './session-cache.js';

describe('the sessions of a worker', () => {
  it('are kept up to their number, and the one used longest ago is released before a new one is made', async () => {
    const events: string[] = [];
    const cache = new SessionCache(2, async (key) => {
      events.push(`+${key}`);
      return {
        release: async () => {
          events.push(`-${key}`);
        },
      };
    });
    for (const key of ['a', 'b', 'a', 'c']) await cache.get(key);
    expect(events).toEqual(['+a', '+b', '-b', '+c']);
    expect([cache.has('a'), cache.has('b'), cache.size]).toEqual([true, false, 2]);
  });

  it('that cannot be made leave no trace', async () => {
    const cache = new SessionCache(2, async () => {
      throw new Error('no graph');
    });
    await expect(cache.get('a')).rejects.toThrow('no graph');
    expect(cache.size).toBe(0);
  });
});

describe('affinity', () => {
  it('prefers the worker that has the session, then the one with the fewest', () => {
    const affinity = new Affinity(2);
    affinity.use(1, 'a');
    expect(affinity.choose([1, 2], 'a')).toBe(1);
    expect(affinity.choose([1, 2], 'b')).toBe(2);
    expect(affinity.choose([2], 'a')).toBe(2);
    expect(affinity.choose([], 'a')).toBeUndefined();
  });

  it('forgets what a worker has dropped, and workers that are gone', () => {
    const affinity = new Affinity(2);
    for (const key of ['a', 'b', 'c']) affinity.use(1, key);
    expect(affinity.has(1, 'a')).toBe(false);
    expect(affinity.has(1, 'c')).toBe(true);
    affinity.forget(1);
    expect(affinity.has(1, 'c')).toBe(false);
  });
});
