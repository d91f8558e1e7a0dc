import type { Plan } from '@cutpoint/partition';

/** Weights that come within this are waited for in one go. */
const STEP_MS = 2000;
/** Taken for the rate of weights before any came. */
const FIRST_BYTES_PER_MS = 500;
/** A step must be so much faster than all that can run already: it is built, to be left behind soon. */
const STEP_GAIN = 0.1;

/**
 * The cut to prepare next on the way to the one that a plan wishes for. Where its weights take long to come, the best
 * head that needs at most half of them comes first, if it is worth running meanwhile.
 * @param missingBytes weights of a head that are not here; `undefined` for one that is not on the way
 * @param bytesPerMs at which weights came so far, if any did
 */
export function nextStep(
  plan: Plan,
  missingBytes: (cut: number) => number | undefined,
  bytesPerMs = FIRST_BYTES_PER_MS,
): number {
  let step = plan.wish.arm.cut;
  // Other policies choose by other figures, a person by none, and of an unknown device there are none.
  const isByLatency = plan.policy === 'cutpoint' && plan.cause !== 'forced-unavailable';
  if (!isByLatency || plan.conditions.d.ageMs === Number.POSITIVE_INFINITY) return step;
  const readyMs = Math.min(plan.chosen.totalMs, plan.runnerUp?.totalMs ?? Number.POSITIVE_INFINITY);
  const worthy = plan.candidates
    .filter(({ rejected, totalMs }) => rejected === 'not-ready' && totalMs < (1 - STEP_GAIN) * readyMs)
    .sort((a, b) => a.totalMs - b.totalMs);
  for (;;) {
    const leftBytes = missingBytes(step) ?? 0;
    if (leftBytes <= STEP_MS * bytesPerMs) return step;
    const sooner = worthy.find(({ arm }) => (missingBytes(arm.cut) ?? leftBytes) <= leftBytes / 2);
    if (!sooner) return step;
    step = sooner.arm.cut;
  }
}
