import { describe, expect, it } from 'vitest';
import { Direction, INITIAL_WINDOW_BYTES, newTransfer } from './direction.js';
import { RateTrace } from './rate-trace.js';

const ROUND_TRIP_MS = 80;

describe('Direction', () => {
  it('sends what fits in the first window at once', () => {
    const direction = new Direction(RateTrace.constant(1_000), ROUND_TRIP_MS);
    const { lastAtMs, firstAtMs } = direction.plan(100, 8_000, newTransfer());
    expect(lastAtMs).toBe(100 + 8 + 40);
    expect(firstAtMs).toBe(100 + 1.024 + 40);
  });

  it('waits a round trip for each window in slow start', () => {
    // A link so fast that only the windows count: 10, 20, 40 segments.
    const direction = new Direction(RateTrace.constant(1e9), ROUND_TRIP_MS);
    const sentAt = (numBytes: number) => direction.plan(0, numBytes, newTransfer()).sentAtMs;
    expect(sentAt(INITIAL_WINDOW_BYTES)).toBeCloseTo(0, 3);
    expect(sentAt(INITIAL_WINDOW_BYTES + 1)).toBeCloseTo(80, 3);
    expect(sentAt(3 * INITIAL_WINDOW_BYTES)).toBeCloseTo(80, 3);
    expect(sentAt(3 * INITIAL_WINDOW_BYTES + 1)).toBeCloseTo(160, 3);
    expect(sentAt(7 * INITIAL_WINDOW_BYTES + 1)).toBeCloseTo(240, 3);
  });

  it('is bound by the rate alone once a window holds the pipe', () => {
    // 146 bytes a ms: the first window takes 100 ms, longer than its acknowledgement.
    const direction = new Direction(RateTrace.constant(146), ROUND_TRIP_MS);
    expect(direction.plan(0, 146_000, newTransfer()).sentAtMs).toBeCloseTo(1_000, 6);
  });

  it('keeps its window for a transfer soon after, and begins anew after an idle of more than 200 ms and a round trip', () => {
    const direction = new Direction(RateTrace.constant(1e9), ROUND_TRIP_MS);
    const numBytes = 7 * INITIAL_WINDOW_BYTES;
    const first = direction.plan(0, numBytes, newTransfer());
    direction.commit(first);
    expect(first.sentAtMs).toBeCloseTo(160, 3);
    expect(direction.plan(400, numBytes, newTransfer()).sentAtMs - 400).toBeCloseTo(0, 3);
    expect(direction.plan(500, numBytes, newTransfer()).sentAtMs - 500).toBeCloseTo(160, 3);
    expect(direction.idleMs(500)).toBeCloseTo(340, 3);
  });

  it('sends behind what is still being sent', () => {
    const direction = new Direction(RateTrace.constant(100), 10);
    direction.commit(direction.plan(0, 10_000, newTransfer()));
    expect(direction.plan(50, 1_000, newTransfer()).sentAtMs).toBeCloseTo(110, 6);
  });

  it('plans without remembering', () => {
    const direction = new Direction(RateTrace.constant(100), 10);
    const before = { ...direction.plan(0, 50_000, newTransfer()) };
    expect(direction.plan(0, 50_000, newTransfer())).toEqual(before);
  });
});
