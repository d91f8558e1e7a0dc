import { describe, expect, it } from 'vitest';
import type { CutResult, JpegResult } from './measure.js';
import { differenceOf, logitsOf, Tally } from './scores.js';
import { equalJpeg, figuresOf, lineOf } from './summary.js';

function tally(changed: number, inputs: number, numBytes: number): Tally {
  const made = new Tally();
  for (let i = 0; i < inputs; i++)
    made.add({ answer: i % 2, isOtherAnswer: i < changed, logitError: 0.01 * (i + 1) }, 1);
  made.weigh(numBytes);
  return made;
}

const jpeg = (quality: number, changed: number, numBytes: number): JpegResult => ({
  quality,
  chroma: '4:2:0',
  tally: tally(changed, 10, numBytes),
});
const JPEGS = [jpeg(80, 4, 800), jpeg(90, 2, 900), jpeg(95, 2, 950), jpeg(100, 1, 2000)];

function result(id: number, u8: Tally, more: { isFrontier: boolean; f32Bytes: number; hasHead?: boolean }): CutResult {
  const runner = { run: async () => ({}) };
  const { isFrontier, f32Bytes, hasHead = true } = more;
  const cut = { id, afterNode: 'Relu', isFrontier, crossing: [], f32Bytes, tail: runner };
  const head = hasHead ? runner : undefined;
  return { cut: { ...cut, head }, u8, f16: tally(0, 10, 1), u8Bytes: f32Bytes / 4 };
}

describe('the answers of a classifier', () => {
  it('are compared by the best class and by logits, which know no common offset', () => {
    const reference = logitsOf([0.7, 0.2, 0.1]);
    expect(reference.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
    expect(differenceOf(reference, logitsOf([0.7, 0.2, 0.1]))).toEqual({
      answer: 0,
      isOtherAnswer: false,
      logitError: 0,
    });
    expect(differenceOf(reference, logitsOf([0.2, 0.7, 0.1]))).toMatchObject({ isOtherAnswer: true });
    // Twice the odds of one class: ln 2 apart.
    const { logitError } = differenceOf(Float64Array.of(-1, 0, 1), Float64Array.of(-1, 0, 1 + Math.log(2)));
    expect(logitError).toBeCloseTo(Math.log(2) / Math.sqrt(3) / 2, 9);
  });
});

describe('the JPEG of equal agreement', () => {
  it('is the smallest that changes no more answers', () => {
    expect(equalJpeg(tally(2, 10, 1), JPEGS)).toMatchObject({ quality: 90, numBytes: 900, isLeast: false });
    expect(equalJpeg(tally(9, 10, 1), JPEGS)).toMatchObject({ quality: 80 });
  });

  it('is the best that there is, and marked, when every one changes more', () => {
    expect(equalJpeg(tally(0, 10, 1), JPEGS)).toMatchObject({ quality: 100, numBytes: 2000, isLeast: true });
  });
});

describe('the figures', () => {
  it('are of frontier cuts that run something on the device: all bytes together, the worst agreement, the narrowest', () => {
    const lines = [
      result(0, tally(9, 10, 5000), { isFrontier: true, f32Bytes: 6000, hasHead: false }),
      result(1, tally(8, 10, 10), { isFrontier: false, f32Bytes: 1000 }),
      result(2, tally(1, 10, 200), { isFrontier: true, f32Bytes: 1000 }),
      result(3, tally(2, 10, 90), { isFrontier: true, f32Bytes: 450 }),
    ].map((each) => lineOf(each, JPEGS));
    expect(figuresOf(lines)).toMatchObject({
      top1DropPct: 20,
      bytesVsF32: 0.2,
      worstBytesVsF32: 0.2,
      bytesVsJpeg: 0.1,
      narrowestCut: 3,
      frontierCuts: 2,
    });
    expect(figuresOf(lines).top1DropUpperPct).toBeGreaterThan(20);
  });
});
