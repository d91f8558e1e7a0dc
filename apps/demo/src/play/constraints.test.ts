import type { Arm } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { DEFAULT_STATE } from '../page-state.js';
import { constraintsOf } from './constraints.js';
import { type Constraints, exclusionOf } from './exclusion.js';

const arm: Arm = {
  cut: 4,
  codec: 'u8',
  headMs: 1,
  tailMs: 1,
  bytesUp: 10,
  bytesDown: 1,
  usesEdge: true,
  isPrefix: true,
  accuracyDrop: 0.0123,
};

describe('what the client is asked for', () => {
  it('is nothing by itself', () => {
    expect(constraintsOf(DEFAULT_STATE)).toEqual({});
  });

  it('is what was chosen, in the units of the client', () => {
    const chosen = {
      codec: 'u8',
      keepInputOnDevice: true,
      maxAccuracyDrop: 0,
      maxUplinkKBPerSecond: 50,
      deadlineMs: 200,
    } as const;
    expect(constraintsOf(chosen)).toEqual({
      codecs: ['u8'],
      keepInputOnDevice: true,
      maxAccuracyDrop: 0,
      maxUplinkBytesPerSecond: 50_000,
      deadlineMs: 200,
    });
  });
});

describe('why an arm is excluded', () => {
  it.each<[Arm, Constraints, string]>([
    [{ ...arm, cut: 0 }, { keepInputOnDevice: true }, 'the input would leave the page'],
    [{ ...arm, sendsInput: true }, { keepInputOnDevice: true, codecs: ['f32'] }, 'the input would leave the page'],
    [arm, { keepInputOnDevice: true, codecs: ['f32'] }, 'another codec is asked for'],
    [arm, { codecs: ['u8'] }, 'may cost 1.2 % of accuracy'],
    [{ ...arm, accuracyDrop: 1e-6 }, {}, 'may cost less than 0.1 % of accuracy'],
  ])('%o under %o: %s', (excluded, constraints, words) => {
    expect(exclusionOf(excluded, constraints)).toBe(`excluded: ${words}`);
  });
});
