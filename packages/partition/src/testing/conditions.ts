import fc from 'fast-check';
import type { Conditions, Estimate } from '../conditions.js';
import { type ConditionValues, NOTHING_AHEAD } from '../cost.js';

/** An idle edge on an open, fast link, as fast as the machine that profiled, with some things changed. For tests. */
export function valuesWith(changed: Partial<ConditionValues> = {}): ConditionValues {
  return {
    uplink: 1_000,
    downlink: 1_000,
    fixedMs: 5,
    slowStartMs: 0,
    queueMs: 0,
    announcedMs: 0,
    busy: 0,
    residualMs: 0,
    queueDoubt: 0,
    k: 1,
    kWithQueue: 1,
    gpuUtilisation: null,
    d: 1,
    overheadMs: 0,
    ahead: NOTHING_AHEAD,
    ...changed,
  };
}

const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
const rate = fc.double({ min: 1, max: 1e6, noNaN: true });

/** Any conditions at all. */
export const anyValues: fc.Arbitrary<ConditionValues> = fc.record({
  uplink: rate,
  downlink: rate,
  fixedMs: ms,
  slowStartMs: fc.oneof(fc.constant(0), ms),
  queueMs: ms,
  announcedMs: fc.oneof(fc.constant(0), ms),
  busy: fc.double({ min: 0, max: 1.2, noNaN: true }),
  residualMs: fc.oneof(fc.constant(0), ms),
  queueDoubt: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  k: factor,
  kWithQueue: factor,
  gpuUtilisation: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  d: factor,
  overheadMs: fc.double({ min: 0, max: 20, noNaN: true }),
  ahead: fc.constant(NOTHING_AHEAD),
});

/** Conditions of which everybody is sure. */
export function conditionsOf(values: ConditionValues): Conditions {
  const sure = (value: number): Estimate => ({ value, ageMs: 0, confident: true, uncertainty: 0 });
  return {
    connected: true,
    uplink: sure(values.uplink),
    downlink: sure(values.downlink),
    fixedMs: sure(values.fixedMs),
    slowStartMs: values.slowStartMs,
    queueMs: sure(values.queueMs),
    announcedMs: values.announcedMs,
    busy: values.busy,
    residualMs: values.residualMs,
    k: sure(values.k),
    kWithQueue: sure(values.kWithQueue),
    gpuUtilisation: values.gpuUtilisation,
    d: sure(values.d),
    overheadMs: sure(values.overheadMs),
    ahead: values.ahead === NOTHING_AHEAD ? undefined : values.ahead,
  };
}
