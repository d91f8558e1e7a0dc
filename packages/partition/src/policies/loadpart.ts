import { argMin, type Policy } from './policy.js';

/**
 * Below this utilisation of the edge's GPU there is no contention, whatever the last tails took: k is taken to be 1
 * again, so that a client that went local comes back. The figure is ours: what is known of the paper here says that k is
 * reset when utilisation is low, not at how much. In the simulator 0.9 makes it slower, less than 0.5 changes nothing.
 */
export const RESET_BELOW_GPU_UTILISATION = 0.5;

/**
 * LoADPart (Liu, Zheng, Li, Guo, "LoADPart: Load-Aware Dynamic Partition of Deep Neural Networks for Edge Offloading",
 * ICDCS 2022): over the prefix cuts p of one topological order, the least `Σ f(i ≤ p) + s(p)/B + k·Σ g(i > p)`, one O(n)
 * scan. `headMs` and `tailMs` of an arm are those sums, ready made. k is what its server measures: the time that a tail
 * spent there, waiting included, over the profiled one, reset to 1 when the GPU has time. Raw tensors; no queue of its
 * own, no fixed cost, no way back. Its device model is fitted on the device, hence d.
 */
export const loadpart: Policy = {
  considers: (arm) => arm.isPrefix && arm.codec === 'f32',
  choose: (input) => {
    const { d, kWithQueue, gpuUtilisation, uplink } = input.at;
    const hasTime = gpuUtilisation !== null && gpuUtilisation < RESET_BELOW_GPU_UTILISATION;
    const k = hasTime ? 1 : kWithQueue;
    return argMin(input, (arm) => d * arm.headMs + (arm.usesEdge ? arm.bytesUp / uplink + k * arm.tailMs : 0));
  },
};
