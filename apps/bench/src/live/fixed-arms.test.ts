import type { Codec } from '@cutpoint/partition';
import { expect, test } from 'vitest';
import { fixedArms } from './fixed-arms.js';
import type { ArmFacts } from './record.js';

function arm(cut: number, codec: Codec, headMs: number, bytesUp: number, part: Partial<ArmFacts> = {}): ArmFacts {
  return { cut, codec, headMs, bytesUp, tailMs: 1, usesEdge: true, isPrefix: true, ...part };
}

test('picks the narrowest place among the first fifth and among the first six tenths, in 8 bits', () => {
  const arms = [
    arm(0, 'u8', 0, 10),
    arm(1, 'f32', 1, 5),
    arm(2, 'u8', 1.5, 60),
    arm(3, 'u8', 2, 40),
    arm(5, 'u8', 6, 20),
    arm(6, 'u8', 6, 15, { isPrefix: false }),
    arm(8, 'u8', 9, 1),
    arm(9, 'f32', 10, 0, { usesEdge: false }),
  ];
  expect(fixedArms(arms).map(({ arm: { cut, codec } }) => [cut, codec])).toEqual([
    [3, 'u8'],
    [5, 'u8'],
  ]);
});

test('one arm that is both is there once, and none where nothing is cut', () => {
  expect(fixedArms([arm(0, 'f32', 0, 10), arm(1, 'u8', 1, 2), arm(9, 'f32', 10, 0, { usesEdge: false })])).toHaveLength(
    1,
  );
  expect(fixedArms([arm(0, 'f32', 0, 10), arm(9, 'f32', 10, 0, { usesEdge: false })])).toEqual([]);
});
