import { describe, expect, it } from 'vitest';
import { SessionCache } from './session-cache.js';

describe('the sessions of a worker', () => {
  const setUp = (limits: { maxSessions: number; maxBytes: number }) => {
    const cache = new SessionCache<{ numBytes: number; release(): Promise<void> }>(limits);
    const released: string[] = [];
    const open = async (key: string, numBytes = 10) => {
      if (cache.get(key) !== undefined) return [];
      const gone = await cache.makeRoom(numBytes);
      expect(released.slice(-gone.length || released.length), 'released before the new one is made').toEqual(gone);
      cache.add(key, { numBytes, release: async () => void released.push(key) });
      return gone;
    };
    return { cache, released, open };
  };

  it('are so many at most, the least recently used gone first', async () => {
    const { cache, released, open } = setUp({ maxSessions: 2, maxBytes: 1e9 });
    for (const key of ['a', 'b', 'a', 'c', 'b']) await open(key);
    expect(released).toEqual(['b', 'a']);
    expect(cache.size).toBe(2);
  });

  it('hold so many bytes at most, however many must go for that', async () => {
    const { cache, open } = setUp({ maxSessions: 99, maxBytes: 100 });
    await open('a', 40);
    await open('b', 40);
    expect(await open('c', 30)).toEqual(['a']);
    expect(await open('d', 100)).toEqual(['b', 'c']);
    expect(await open('huge', 500), 'is run all the same, alone').toEqual(['d']);
    expect(await open('a', 10)).toEqual(['huge']);
    expect(cache.size).toBe(1);
  });

  it('can be dropped one by one', async () => {
    const { cache, released, open } = setUp({ maxSessions: 2, maxBytes: 100 });
    await open('a');
    await cache.drop('a');
    await cache.drop('never there');
    expect([released, cache.size]).toEqual([['a'], 0]);
  });
});
