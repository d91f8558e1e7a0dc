import { INITIAL_WINDOW_BYTES, RESTART_AFTER_IDLE_MS, slowStartRounds, stallMs } from '@cutpoint/partition';
import { expect, test } from 'vitest';
import { Bottleneck, LinkModel, type LinkShape, SEGMENT_BYTES } from './link-model.js';

/** All of it handed over at once. @returns when the first and the last byte are there. */
function send(model: LinkModel, numBytes: number, atMs: number, shape: LinkShape): { first: number; last: number } {
  const arrivals: number[] = [];
  for (let left = numBytes; left > 0; left -= SEGMENT_BYTES) {
    arrivals.push(model.push(Math.min(left, SEGMENT_BYTES), atMs, shape));
  }
  expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
  return { first: arrivals[0] ?? Number.NaN, last: arrivals.at(-1) ?? Number.NaN };
}

const fresh = () => new LinkModel(new Bottleneck());

test('a small message takes half a round trip and its own bytes', () => {
  expect(fresh().push(1_000, 5, { bytesPerMs: 500, roundTripMs: 20 })).toBe(5 + 2 + 10);
});

test.each([
  { bytesPerMs: 500, roundTripMs: 20 },
  { bytesPerMs: 2_000, roundTripMs: 20 },
  { bytesPerMs: 8_000, roundTripMs: 20 },
  { bytesPerMs: 8_000, roundTripMs: 80 },
])(
  'a transfer from idle takes its bytes and the stalls of slow start: $bytesPerMs bytes a ms, $roundTripMs ms',
  (shape) => {
    const numBytes = 600_000;
    const { last } = send(fresh(), numBytes, 0, shape);
    const stalls = stallMs(slowStartRounds(numBytes), shape.roundTripMs, shape.bytesPerMs);
    const byTheModel = numBytes / shape.bytesPerMs + stalls + shape.roundTripMs / 2;
    // The window is acknowledged segment by segment, not as a whole: a segment's time more per round.
    expect(Math.abs(last - byTheModel)).toBeLessThan(6 * (SEGMENT_BYTES / shape.bytesPerMs) + 0.01 * byTheModel);
  },
);

test('a window that has grown stays while something is sent, and begins again after an idle', () => {
  const shape = { bytesPerMs: 2_000, roundTripMs: 40 };
  const model = fresh();
  const cold = send(model, 300_000, 0, shape).last;
  const soonAtMs = cold + 100;
  const warm = send(model, 300_000, soonAtMs, shape).last - soonAtMs;
  expect(warm).toBeCloseTo(300_000 / 2_000 + 20, 0);
  const lateAtMs = soonAtMs + warm + RESTART_AFTER_IDLE_MS + shape.roundTripMs + 1;
  expect(send(model, 300_000, lateAtMs, shape).last - lateAtMs).toBeCloseTo(cold, 0);
});

test('a sender that never fills its window gets no larger one', () => {
  const shape = { bytesPerMs: 8_000, roundTripMs: 40 };
  const model = fresh();
  let atMs = 0;
  for (let round = 0; round < 50; round++) {
    send(model, 5_000, atMs, shape);
    atMs += 100;
  }
  const { last } = send(model, 2 * INITIAL_WINDOW_BYTES, atMs, shape);
  expect(last - atMs).toBeGreaterThan(1.5 * shape.roundTripMs);
});

test('connections share the bottleneck', () => {
  const shape = { bytesPerMs: 1_000, roundTripMs: 10 };
  const bottleneck = new Bottleneck();
  const [one, other] = [new LinkModel(bottleneck), new LinkModel(bottleneck)];
  expect(one.push(1_000, 0, shape)).toBe(6);
  expect(other.push(1_000, 0, shape)).toBe(7);
});
