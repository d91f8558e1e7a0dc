import type { RuntimeTensor } from '@cutpoint/onnx';
import { floatsOf } from './tensors.js';

/** How far one tensor is from another. */
export interface Difference {
  /** The largest absolute difference; `Infinity` when one is finite where the other is not, or shapes differ. */
  readonly absErr: number;
  /** The same over the range of the reference's finite values. */
  readonly relErr: number;
}

/** Error allowed, as a part of the output's range: what reordered sums differ by in each precision. */
export const TOLERANCE = { float32: 1e-4, float16: 1e-3 } as const;

const NONE: Difference = { absErr: 0, relErr: 0 };
const UTTER: Difference = { absErr: Number.POSITIVE_INFINITY, relErr: Number.POSITIVE_INFINITY };

/** Not-a-number equals not-a-number, and an infinity itself: what the unsplit model gives is right by definition. */
export function difference(actual: RuntimeTensor | undefined, reference: RuntimeTensor): Difference {
  if (!actual || actual.type !== reference.type || String(actual.dims) !== String(reference.dims)) return UTTER;
  if (reference.type === 'string' || actual.type === 'string') {
    return JSON.stringify(actual.strings) === JSON.stringify(reference.strings) ? NONE : UTTER;
  }
  const values = floatsOf(actual);
  const expected = floatsOf(reference);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let absErr = 0;
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i] ?? Number.NaN;
    const have = values[i] ?? Number.NaN;
    if (Number.isFinite(want)) {
      if (want < low) low = want;
      if (want > high) high = want;
    }
    if (Object.is(want, have) || want === have) continue;
    const error = Math.abs(want - have);
    absErr = Math.max(absErr, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return { absErr, relErr: absErr === 0 ? 0 : absErr / scale(low, high) };
}

/** The range; the size of the value where all are the same, and 1 where all are 0 or none is finite. */
function scale(low: number, high: number): number {
  if (low > high) return 1;
  return high - low || Math.abs(high) || 1;
}

/** Whether a tensor has elements and none of them is finite, so that comparing it says little. */
export function isNowhereFinite(tensor: RuntimeTensor): boolean {
  const values = floatsOf(tensor);
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) return false;
  return values.length > 0;
}

/** Largest less smallest finite value; 0 where there is none. */
export function rangeOf(tensor: RuntimeTensor): number {
  const values = floatsOf(tensor);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? 0 : high - low;
}
