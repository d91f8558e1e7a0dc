import { type Arm, Controller } from '@cutpoint/partition';
import { describe, expect, it } from 'vitest';
import { nextStep } from './next-step.js';

const MIB = 2 ** 20;

/** Arms that send so many bytes each, the last one none. */
function planOf(bytesUp: readonly number[], ready: readonly number[] = []) {
  const last = bytesUp.length - 1;
  const arms = bytesUp.map(
    (numBytes, cut): Arm => ({
      cut,
      codec: 'f32',
      headMs: 10 * cut,
      tailMs: 10 * (last - cut),
      encodeMs: 0,
      decodeMs: 0,
      bytesUp: numBytes,
      bytesDown: 10,
      usesEdge: cut < last,
      isPrefix: true,
      sendsInput: cut === 0,
      accuracyDrop: 0,
    }),
  );
  const controller = new Controller(arms);
  controller.observeConnection(true);
  controller.observeTransfer('up', { numBytes: 100_000, spanMs: 1000 }, 0);
  controller.observeTransfer('down', { numBytes: 100_000, spanMs: 10 }, 0);
  controller.observeHead(1, 10, 0);
  for (const cut of ready) controller.setReady(cut, true);
  return controller.decide(1);
}

const halving = [100_000, 50_000, 25_000, 12_500, 0];
const each = (numBytes: number) => (cut: number) => cut * numBytes;

describe('the next step', () => {
  it('is the best head of those that need at most half, again and again while it takes long', () => {
    const plan = planOf(halving);
    expect(plan.wish.arm.cut).toBe(4);
    expect(nextStep(plan, each(20 * MIB))).toBe(1);
    // 8 MiB take 4 s at this rate, half of them 2 s.
    expect(nextStep(plan, each(2 * MIB), (2 * MIB) / 1000)).toBe(2);
  });

  it('is the wish itself when that comes soon', () => {
    expect(nextStep(planOf(halving), each(MIB), 10_000)).toBe(4);
  });

  it('is never a head that is not worth running meanwhile', () => {
    // Twice as much crosses behind the first node.
    expect(nextStep(planOf([100_000, 200_000, 96_000, 50_000, 0]), each(2 * MIB))).toBe(4);
    expect(nextStep(planOf([100_000, 200_000, 50_000, 50_000, 0]), each(2 * MIB))).toBe(2);
    // It would be worth it, were it not for one that is there already.
    expect(nextStep(planOf([100_000, 30_000, 28_000, 25_000, 0], [1]), each(20 * MIB))).toBe(4);
  });

  it('is never a head off the way', () => {
    expect(nextStep(planOf(halving), (cut) => (cut === 4 ? 80 * MIB : undefined))).toBe(4);
  });
});
