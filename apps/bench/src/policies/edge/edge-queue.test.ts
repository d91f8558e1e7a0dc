import { describe, expect, it } from 'vitest';
import { EdgeQueue } from './edge-queue.js';
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
    if (!queue.step()) continue;
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
      const waitMs = queue.freeAtMs - atMs;
      expect(waitMs).toBeGreaterThan(3 * SERVICE_MS - 1e-6);
      expect(waitMs).toBeLessThanOrEqual(4 * SERVICE_MS);
    }
  });

  it('is slowed down by co-tenants outside of the queue as their number says', () => {
    const coTenants = { count: 2, onMs: 300, offMs: 300 };
    const queue = queueUnder({ arrivals: poisson(0.3), coTenants }, 600_000);
    const ratios = new Map<number, number>();
    while (queue.nextAtMs() <= 600_000) {
      if (!queue.step()) continue;
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
    queue.admit(0, 1_900, 7, 7);
    expect(queue.nextAtMs()).toBe(2_907);
  });
});
