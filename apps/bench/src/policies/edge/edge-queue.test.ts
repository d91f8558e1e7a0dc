import { describe, expect, it } from 'vitest';
import { EdgeQueue, type Place } from './edge-queue.js';
import type { LoadLaw } from './load-law.js';
import { LoadPath, PathCursor } from './load-path.js';

const SERVICE_MS = 10;

function queueUnder(law: Partial<LoadLaw>, lengthMs: number, tailsMs: readonly number[] = [SERVICE_MS]) {
  const whole: LoadLaw = { name: 'test', arrivals: undefined, closedClients: 0, coTenants: undefined, ...law };
  const path = new LoadPath([{ law: whole, startMs: 0, endMs: lengthMs }], { tailsMs, noise: 0 }, 1);
  return new EdgeQueue(new PathCursor(path), tailsMs);
}

function poisson(work: number) {
  return { on: work, off: work, onMs: Number.POSITIVE_INFINITY, offMs: Number.POSITIVE_INFINITY };
}

/** Mean wait of all arrivals. */
function meanWait(queue: EdgeQueue, untilMs: number): number {
  let sum = 0;
  let count = 0;
  while (queue.nextAtMs() <= untilMs) {
    if (queue.step() !== 'started') continue;
    sum += queue.last.startMs - queue.last.arrivalMs;
    count++;
  }
  return sum / count;
}

describe('EdgeQueue', () => {
  it.each([0.3, 0.7, 0.9])('waits as M/D/1 does at a utilisation of %s (Pollaczek and Khinchine)', (work) => {
    const lengthMs = 4_000_000;
    const expectedMs = (work * SERVICE_MS) / (2 * (1 - work));
    const meanMs = meanWait(queueUnder({ arrivals: poisson(work) }, lengthMs), lengthMs);
    expect(Math.abs(meanMs / expectedMs - 1)).toBeLessThan(0.06);
  });

  it('always has the same number of closed-loop requests', () => {
    const queue = queueUnder({ closedClients: 4 }, 1_000);
    queue.advance(500);
    for (let atMs = 501; atMs < 520; atMs++) {
      queue.advance(atMs);
      const waitMs = queue.freeAtMs - atMs + queue.waitingMs;
      expect(waitMs).toBeGreaterThan(3 * SERVICE_MS - 1e-6);
      expect(waitMs).toBeLessThanOrEqual(4 * SERVICE_MS);
    }
  });

  it('is slowed down by co-tenants outside of the queue as their number says', () => {
    const coTenants = { count: 2, onMs: 300, offMs: 300 };
    const queue = queueUnder({ arrivals: poisson(0.3), coTenants }, 600_000);
    const ratios = new Map<number, number>();
    while (queue.nextAtMs() <= 600_000) {
      if (queue.step() !== 'started') continue;
      const ratio = Math.round((queue.last.finishMs - queue.last.startMs) / SERVICE_MS);
      ratios.set(ratio, (ratios.get(ratio) ?? 0) + 1);
    }
    const total = [...ratios.values()].reduce((sum, count) => sum + count, 0);
    expect([...ratios.keys()].sort()).toEqual([1, 2, 3]);
    // Each of the two runs half of the time: 1/4, 1/2, 1/4.
    expect((ratios.get(2) ?? 0) / total).toBeGreaterThan(0.45);
    expect((ratios.get(2) ?? 0) / total).toBeLessThan(0.55);
  });

  it('runs on as a copy without touching the original', () => {
    const original = queueUnder({ arrivals: poisson(0.8), closedClients: 3 }, 10_000);
    original.advance(1_000);
    const copy = new EdgeQueue(new PathCursor(original.source.path), [SERVICE_MS]);
    copy.copyFrom(original);
    copy.source.copyFrom(original.source);
    copy.advance(5_000);
    const freeAtMs = copy.freeAtMs;
    expect(original.nextAtMs()).toBeLessThan(1_200);
    original.advance(5_000);
    expect(original.freeAtMs).toBe(freeAtMs);
  });

  it('runs a canary only when none of its model ran for a while', () => {
    const path = new LoadPath(
      [
        {
          law: { name: 'idle', arrivals: undefined, closedClients: 0, coTenants: undefined },
          startMs: 0,
          endMs: 10_000,
        },
      ],
      { tailsMs: [SERVICE_MS], noise: 0 },
      1,
    );
    const queue = new EdgeQueue(new PathCursor(path), [SERVICE_MS], [{ model: 0, tailMs: 2, afterMs: 1_000 }]);
    queue.advance(1_500);
    expect(queue.last).toMatchObject({ isCanary: true, arrivalMs: 1_000, finishMs: 1_002 });
    queue.advance(1_900);
    queue.submit(queue.reserve({ model: 0, announcedMs: 1_900, idleMs: 7, profiledMs: 7 }), 1_900);
    queue.advance(1_900);
    expect(queue.nextAtMs()).toBe(2_907);
  });
});

describe('a place in the queue', () => {
  /** One request of the background every 10 ms, which takes 10 ms: there is always one that runs and one that comes. */
  const busy = () => queueUnder({ closedClients: 3 }, 10_000);
  const ours = (announcedMs: number) => ({ model: 0, announcedMs, idleMs: 4, profiledMs: 4 });

  function startOf(queue: EdgeQueue, place: Place): number {
    while (queue.last.place !== place) queue.step();
    return queue.last.startMs;
  }

  it('is held while the payload is on its way: what came later waits', () => {
    const queue = busy();
    queue.advance(95);
    // One runs until 100, two wait; all of them are done at 120.
    const early = queue.reserve(ours(95));
    queue.advance(117);
    queue.submit(early, 117);
    expect(startOf(queue, early)).toBe(120);
    const late = busy();
    late.advance(117);
    const place = late.reserve(ours(117));
    late.submit(place, 117);
    expect(startOf(late, place)).toBe(140);
  });

  it('does not keep the worker idle: others go first while the payload is not whole', () => {
    const queue = busy();
    queue.advance(95);
    const place = queue.reserve(ours(95));
    queue.advance(333);
    // The one that runs began at 330.
    expect(queue.freeAtMs).toBe(340);
    queue.submit(place, 333);
    expect(startOf(queue, place)).toBe(340);
  });

  it('is given to places in the order of their announcement, whoever was whole first', () => {
    const queue = busy();
    queue.advance(95);
    const [first, second] = [queue.reserve(ours(95)), queue.reserve(ours(96))];
    queue.advance(125);
    queue.submit(second, 125);
    queue.submit(first, 127);
    expect(startOf(queue, first)).toBe(130);
    expect(startOf(queue, second)).toBe(134);
  });

  it('is free for a request when a look ahead says so', () => {
    const queue = queueUnder({ arrivals: poisson(0.8), coTenants: { count: 1, onMs: 50, offMs: 50 } }, 100_000);
    const ahead = new EdgeQueue(new PathCursor(queue.source.path), [SERVICE_MS]);
    for (let atMs = 1_000; atMs < 90_000; atMs += 487) {
      queue.advance(atMs);
      ahead.copyFrom(queue);
      ahead.source.copyFrom(queue.source);
      const arrivalMs = atMs + 20 + (atMs % 50);
      ahead.advance(arrivalMs);
      const freeMs = ahead.freeFor(atMs, arrivalMs);
      const place = queue.reserve(ours(atMs));
      queue.advance(arrivalMs);
      queue.submit(place, arrivalMs);
      expect(startOf(queue, place)).toBeCloseTo(freeMs, 9);
    }
  });
});
