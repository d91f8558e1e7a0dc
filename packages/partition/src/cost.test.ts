import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arm } from './arm.js';
import { type ConditionValues, predict, predictTotal, totalOf } from './cost.js';

const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
const bytes = fc.integer({ min: 0, max: 5_000_000 });
const rate = fc.double({ min: 1, max: 1e6, noNaN: true });
const values = fc.record<ConditionValues>({
  uplink: rate,
  downlink: rate,
  fixedMs: ms,
  queueMs: ms,
  k: factor,
  d: factor,
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
  it('is the formula of the design, whatever the conditions', () => {
    fc.assert(
      fc.property(edgeArm, values, factor, factor, (arm, at, head, tail) => {
        const { headMs, tailMs, bytesUp, bytesDown, encodeMs = 0, decodeMs = 0 } = arm;
        const beforeArrivalMs = at.d * headMs * head + encodeMs + bytesUp / at.uplink;
        const queueMs = Math.max(0, at.queueMs - beforeArrivalMs);
        const expected =
          at.d * headMs * head +
          encodeMs +
          (at.fixedMs + bytesUp / at.uplink) +
          (queueMs + at.k * tailMs * tail + decodeMs) +
          bytesDown / at.downlink;
        expect(totalOf(predict(arm, at, head, tail))).toBeCloseTo(expected, 6);
        expect(predictTotal(arm, at, head, tail)).toBeCloseTo(expected, 6);
      }),
    );
  });

  it('is its head alone when nothing runs at the edge', () => {
    fc.assert(
      fc.property(edgeArm, values, factor, (edge, at, head) => {
        const arm: Arm = { ...edge, usesEdge: false };
        expect(predict(arm, at, head)).toEqual({
          headMs: at.d * arm.headMs * head,
          encodeMs: 0,
          fixedMs: 0,
          uploadMs: 0,
          queueMs: 0,
          tailMs: 0,
          decodeMs: 0,
          downloadMs: 0,
        });
        expect(predictTotal(arm, at, head)).toBe(at.d * arm.headMs * head);
      }),
    );
  });

  it('takes a reported queue as drained for as long as head and upload take', () => {
    const arm: Arm = {
      cut: 3,
      codec: 'f32',
      headMs: 10,
      tailMs: 5,
      bytesUp: 1_000,
      bytesDown: 0,
      usesEdge: true,
      isPrefix: true,
    };
    const at = { uplink: 100, downlink: 100, fixedMs: 0, queueMs: 35, k: 1, d: 2 };
    expect(predict(arm, at).queueMs).toBe(5);
    expect(predict(arm, { ...at, queueMs: 30 }).queueMs).toBe(0);
    expect(predict(arm, { ...at, queueMs: 12 }).queueMs).toBe(0);
  });
});
