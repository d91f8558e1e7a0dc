import type { TensorHeader } from '@cutpoint/protocol';
import type { Course, SettledRequest } from '../connection/settled.js';

/** What the spans of one `infer` are made of: plain values that travel to another thread, and nothing of its tensors. */
export interface RequestTrace extends Omit<SettledRequest, 'course'>, Omit<Course, 'tensors'> {
  readonly codecs: readonly string[];
  readonly endedAtMs: number;
  /** What the clock on the wall shows where the monotonic one shows 0: looked at once a request, so that its spans fit each other. */
  readonly zeroAtMs: number;
}

/** @param endedAtMs by the monotonic clock, now */
export function traceOf({ course, ...settled }: SettledRequest, endedAtMs: number): RequestTrace {
  const { tensors = [], ...way } = course;
  return { ...settled, ...way, codecs: codecsOf(tensors), endedAtMs, zeroAtMs: Date.now() - endedAtMs };
}

function codecsOf(tensors: readonly TensorHeader[]): readonly string[] {
  return [...new Set(tensors.map(({ codec, deflated }) => (deflated ? `${codec}+deflate` : codec)))];
}
