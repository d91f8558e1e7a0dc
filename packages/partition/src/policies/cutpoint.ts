import { fastest, type Policy } from './policy.js';

/**
 * Ours: every arm, every term of the cost. What turns the fastest arm into a decision (caution, hysteresis, constraints,
 * trying what is not known) is `decision.ts`'s.
 */
export const cutpoint: Policy = { considers: () => true, choose: fastest };
