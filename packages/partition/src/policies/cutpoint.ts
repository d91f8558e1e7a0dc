import { fastest, type Policy } from './policy.js';

/**
 * Down fast: when the arm in use has become worse than it usually is, the best one needs to be only this much better.
 * Up slowly: when it runs as well as ever, another has to win clearly, or noise would move the cut to and fro.
 */
export const MARGIN_WHEN_WORSE = 0.03;
export const MARGIN_WHEN_STEADY = 0.1;
/** How far above its usual predicted latency the arm in use counts as having become worse. */
export const WORSE_BY = 0.1;
/** No switch for less than this, whatever it is in per cent: a timer in a browser resolves no less. */
export const MIN_GAIN_MS = 0.3;

/** Ours: every arm, every term, and a margin around the arm in use. */
export const cutpoint: Policy = {
  considers: () => true,
  choose: (input) => {
    const best = fastest(input);
    const { current } = input;
    if (best === current || best < 0 || current < 0 || !input.allowed.includes(current)) return best;
    const currentMs = input.totalsMs[current] ?? Number.POSITIVE_INFINITY;
    const bestMs = input.totalsMs[best] ?? Number.POSITIVE_INFINITY;
    const margin = currentMs > input.usualMs * (1 + WORSE_BY) ? MARGIN_WHEN_WORSE : MARGIN_WHEN_STEADY;
    return currentMs - bestMs > Math.max(MIN_GAIN_MS, margin * currentMs) ? best : current;
  },
};
