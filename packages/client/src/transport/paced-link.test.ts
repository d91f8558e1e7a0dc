import { PacedLane } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';

function laneAt(bytesPerMs: number | undefined, delayMs: number) {
  const clock = new ManualClock();
  const lane = new PacedLane(clock);
  lane.shape(bytesPerMs, delayMs);
  const arrivals: { name: string; atMs: number }[] = [];
  const push = (name: string, numBytes: number, owner?: number) =>
    lane.push(numBytes, () => arrivals.push({ name, atMs: clock.now() }), owner);
  return { clock, lane, arrivals, push };
}

describe('a paced lane', () => {
  it('passes everything at once when it has no shape', () => {
    const { arrivals, push } = laneAt(undefined, 0);
    push('a', 1_000_000);
    push('b', 1);
    expect(arrivals.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('delivers chunk by chunk at the given rate, each half a round trip later', () => {
    const { clock, arrivals, push } = laneAt(100, 25);
    for (const name of ['a', 'b', 'c', 'd']) push(name, 1000);
    clock.advance(1000);
    expect(arrivals).toEqual([
      { name: 'a', atMs: 35 },
      { name: 'b', atMs: 45 },
      { name: 'c', atMs: 55 },
      { name: 'd', atMs: 65 },
    ]);
  });

  it('keeps the rate of a whole transfer although its timers are late', () => {
    const clock = new ManualClock();
    // A browser rounds nested timers up to 4 ms.
    const coarse = {
      now: () => clock.now(),
      after: (ms: number, f: () => void) => clock.after(Math.ceil(ms / 4) * 4, f),
    };
    const lane = new PacedLane(coarse);
    lane.shape(1000, 0);
    const atMs: number[] = [];
    for (let i = 0; i < 100; i++) lane.push(1500, () => atMs.push(clock.now()));
    clock.advance(1000);
    expect(atMs).toHaveLength(100);
    const rate = (1500 * 99) / ((atMs.at(-1) ?? 0) - (atMs[0] ?? 0));
    expect(rate).toBeGreaterThan(960);
    expect(rate).toBeLessThan(1040);
  });

  it('does not save up what an idle time could have carried', () => {
    const { clock, arrivals, push } = laneAt(100, 0);
    push('a', 100);
    clock.advance(1000);
    push('b', 1000);
    clock.advance(1000);
    expect(arrivals.at(-1)).toEqual({ name: 'b', atMs: 1010 });
  });

  it('moves the others up when one owner withdraws', () => {
    const { clock, lane, arrivals, push } = laneAt(100, 0);
    push('kept', 1000, 2);
    push('big', 100_000, 1);
    push('big', 100_000, 1);
    push('small', 100, 2);
    clock.advance(5);
    lane.withdraw(1);
    clock.advance(50);
    expect(arrivals).toEqual([
      { name: 'kept', atMs: 10 },
      { name: 'small', atMs: 11 },
    ]);
  });

  it('keeps the order when the shape is taken away while something is on its way', () => {
    const { clock, lane, arrivals, push } = laneAt(10, 50);
    push('slow', 1000);
    lane.shape(undefined, 0);
    push('fast', 10);
    clock.advance(149);
    expect(arrivals).toEqual([]);
    clock.advance(1);
    expect(arrivals.map(({ name }) => name)).toEqual(['slow', 'fast']);
  });

  it('says how long it is until it has sent what it was given', () => {
    const { clock, lane, push } = laneAt(100, 25);
    push('a', 1000);
    push('b', 500);
    clock.advance(4);
    expect(lane.behindMs).toBe(11);
    clock.advance(100);
    expect(lane.behindMs).toBe(0);
  });
});
