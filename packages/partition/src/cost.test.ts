import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arm } from './arm.js';
import { type ArmFactors, predict, predictTotal, queueAt, totalOf } from './cost.js';
import { anyValues, valuesWith } from './testing/conditions.js';

const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
const bytes = fc.integer({ min: 0, max: 5_000_000 });
const anyFactors = fc.record<ArmFactors>({
  head: factor,
  tail: factor,
  bytes: factor,
  encode: factor,
  decode: factor,
  runs: fc.nat(10),
});
const edgeArm = fc.record<Arm>({
  cut: fc.nat(300),
  codec: fc.constant('f32' as const),
  headMs: ms,
  tailMs: ms,
  bytesUp: bytes,
  bytesDown: bytes,
  encodeMs: ms,
  decodeMs: ms,
  usesEdge: fc.constant(true),
  isPrefix: fc.boolean(),
});

describe('the cost of an arm', () => {
  it('is the formula of the design when the sending window is open and nobody else announced anything', () => {
    fc.assert(
      fc.property(edgeArm, anyValues, anyFactors, (arm, any, factors) => {
        const at = { ...any, slowStartMs: 0, announcedMs: 0, residualMs: 0, queueDoubt: 0, overheadMs: 0 };
        const { headMs, tailMs, bytesDown, encodeMs = 0, decodeMs = 0 } = arm;
        const uploadMs = (arm.bytesUp * factors.bytes) / at.uplink;
        const beforeArrivalMs = at.d * headMs * factors.head + encodeMs * factors.encode + uploadMs;
        const placedMs = at.queueMs - (1 - Math.min(1, at.busy)) * at.fixedMs;
        const queueMs = Math.max(0, placedMs - beforeArrivalMs);
        const expected =
          beforeArrivalMs +
          at.fixedMs +
          (queueMs + at.k * tailMs * factors.tail + decodeMs * factors.decode) +
          bytesDown / at.downlink;
        expect(totalOf(predict(arm, at, factors))).toBeCloseTo(expected, 6);
      }),
    );
  });

  it('is the sum of its terms, whatever the conditions', () => {
    fc.assert(
      fc.property(edgeArm, anyValues, anyFactors, (arm, at, factors) => {
        const total = predictTotal(arm, at, factors);
        expect(Math.abs(totalOf(predict(arm, at, factors)) - total)).toBeLessThanOrEqual(1e-9 * total + 1e-9);
      }),
    );
  });

  it('is its head alone, and what the page takes, when nothing runs at the edge', () => {
    fc.assert(
      fc.property(edgeArm, anyValues, anyFactors, (edge, at, factors) => {
        const arm: Arm = { ...edge, usesEdge: false };
        const headMs = at.d * arm.headMs * factors.head;
        expect(predictTotal(arm, at, factors)).toBe(headMs + at.overheadMs);
        expect(predict(arm, at, factors)).toMatchObject({
          headMs,
          fixedMs: at.overheadMs,
          uploadMs: 0,
          queueMs: 0,
          tailMs: 0,
        });
      }),
    );
  });
});

describe('the queue that a request finds', () => {
  const at = valuesWith({ queueMs: 35, fixedMs: 0 });

  it('drains for as long as head and upload take', () => {
    expect(queueAt(at, 30)).toBe(5);
    expect(queueAt(at, 35)).toBe(0);
    expect(queueAt(at, 90)).toBe(0);
  });

  it('drains as fast however busy the edge is: its place is held', () => {
    expect(queueAt({ ...at, busy: 1 }, 30)).toBe(5);
  });

  it('went down by what did not come anew, while its report and the word of the request were on their way', () => {
    const far = { ...at, fixedMs: 20 };
    expect(queueAt({ ...far, busy: 1 }, 10)).toBe(25);
    expect(queueAt({ ...far, busy: 0.5 }, 10)).toBe(15);
    expect(queueAt({ ...far, busy: 0 }, 10)).toBe(5);
    expect(queueAt({ ...far, busy: 0.5, residualMs: 30, announcedMs: 100 }, 10)).toBe(30);
    expect(queueAt({ ...far, queueMs: 0, residualMs: 40 }, 30)).toBe(20);
  });

  it('lets before it what others announced, no more of it than can come meanwhile', () => {
    expect(queueAt({ ...at, busy: 0.5, announcedMs: 100 }, 30)).toBe(20);
    expect(queueAt({ ...at, busy: 1.3, announcedMs: 100 }, 30)).toBe(35);
    expect(queueAt({ ...at, busy: 1, announcedMs: 10 }, 30)).toBe(15);
  });

  it('is in doubt: of two that arrive before their turn the earlier one is thought to wait less in all', () => {
    const doubtful = { ...at, queueDoubt: 0.1 };
    expect(10 + queueAt(doubtful, 10)).toBe(36);
    expect(30 + queueAt(doubtful, 30)).toBe(38);
    expect(queueAt({ ...at, queueDoubt: 1 }, 30)).toBe(35);
  });

  it('is never shorter than the rest of the tail that runs, in the mean', () => {
    expect(queueAt({ ...at, residualMs: 12 }, 1_000)).toBe(12);
  });

  it('grows to that when nothing happens to run', () => {
    const short = { ...at, queueMs: 0, residualMs: 40 };
    expect(queueAt(short, 0)).toBe(0);
    expect(queueAt(short, 50)).toBe(20);
    expect(queueAt(short, 500)).toBe(40);
  });
});
