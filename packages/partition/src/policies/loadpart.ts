import { argMin, type Policy } from './policy.js';

/**
 * LoADPart (Liu, Zheng, Li, Guo, ICDCS 2022): over the prefix cuts p of one topological order, the least
 * `Σ f(i ≤ p) + s(p)/B + k·Σ g(i > p)`, one O(n) scan. `headMs` and `tailMs` of an arm are those sums, ready made; k
 * comes from the edge. Raw tensors; no queue of its own, no fixed cost, no way back. Its device model is fitted on the
 * device, hence d.
 */
export const loadpart: Policy = {
  considers: (arm) => arm.isPrefix && arm.codec === 'f32',
  choose: (input) => {
    const { d, k, uplink } = input.at;
    return argMin(input, (arm) => d * arm.headMs + (arm.usesEdge ? arm.bytesUp / uplink + k * arm.tailMs : 0));
  },
};
