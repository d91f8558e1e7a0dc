import { describe, expect, it } from 'vitest';
import { MAX_JOIN_MS, type Steadiness, SWITCH_MS, SWITCH_SHARE, settled, shouldSwitch, stay } from './steadiness.js';
import { chainArms } from './testing/arms.js';

const [edge, local] = chainArms(10_000, [{ headMs: 50, tailMs: 50, bytes: 0 }]);
if (edge === undefined || local === undefined) throw new Error('a chain of one layer has two arms');

/** Asks every half second until it switches, or 40 times; returns how often it was asked. */
function askedUntilSwitch(gainMs: number, clients: number, seed: number, toEdge: boolean): number {
  let memory: Steadiness = settled(seed);
  for (let asked = 1; asked <= 40; asked++) {
    const { switches, next } = shouldSwitch(
      {
        current: toEdge ? local : edge,
        best: toEdge ? edge : local,
        currentMs: 100,
        bestMs: 100 - gainMs,
        clients,
        nowMs: asked * 500,
      } as Parameters<typeof shouldSwitch>[0],
      memory,
    );
    if (switches) return asked;
    memory = next;
  }
  return 41;
}

describe('switching', () => {
  const price = SWITCH_MS + SWITCH_SHARE * 100;

  it('happens at once for a gain that pays for it', () => {
    expect(askedUntilSwitch(price + 0.01, 1, 1, true)).toBe(1);
  });

  it('happens when what staying cost has reached the price', () => {
    expect(askedUntilSwitch(price / 4 + 0.01, 1, 1, true)).toBe(4);
    expect(askedUntilSwitch(0.05, 1, 1, true)).toBeGreaterThan(40);
  });

  it('forgets what is owed while the arm in use is the best one', () => {
    let memory: Steadiness = { ...settled(1), owedMs: price * 0.9 };
    for (let index = 0; index < 10; index++) memory = stay(memory);
    expect(memory.owedMs).toBeLessThan(0.01);
  });

  it('is dearer after a switch, for a while', () => {
    const question = { current: edge, best: local, currentMs: 100, bestMs: 96, clients: 1, nowMs: 0 };
    const first = shouldSwitch(question, settled(1));
    expect(first.switches).toBe(true);
    expect(shouldSwitch(question, first.next).switches).toBe(false);
    let memory = first.next;
    for (let index = 0; index < 60; index++) memory = stay(memory);
    expect(shouldSwitch(question, memory).switches).toBe(true);
  });
});

describe('many clients that see the same load', () => {
  const seeds = Array.from({ length: 64 }, (_, index) => index * 7_919 + 1);

  it('go to the edge one after another, all within the stated time', () => {
    const times = seeds.map((seed) => askedUntilSwitch(60, 64, seed, true) * 500);
    expect(Math.max(...times)).toBeLessThanOrEqual(MAX_JOIN_MS + 1_000);
    for (let atMs = 500; atMs <= MAX_JOIN_MS; atMs += 500) {
      const together = times.filter((time) => time === atMs).length;
      expect(together, `${together} at ${atMs} ms`).toBeLessThan(24);
    }
  });

  it('leave it with a chance that grows with the gain, most within three inferences when it is large', () => {
    const asked = (gainMs: number) => seeds.map((seed) => askedUntilSwitch(gainMs, 64, seed, false));
    expect(asked(90).filter((count) => count <= 3).length).toBeGreaterThan(0.9 * 64);
    expect(asked(90).filter((count) => count === 1).length).toBeLessThan(60);
    const mean = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;
    expect(mean(asked(20))).toBeGreaterThan(1.5 * mean(asked(90)));
  });

  it('are one client like any other when nobody else is there', () => {
    expect(askedUntilSwitch(60, 1, 5, true)).toBe(1);
    expect(askedUntilSwitch(60, 1, 5, false)).toBe(1);
  });
});
