import { argMin, type Policy } from './policy.js';

/**
 * Neurosurgeon (Kang et al., "Neurosurgeon: Collaborative Intelligence Between the Cloud and Mobile Edge", ASPLOS 2017)
 * restricted to what follows from bandwidth: an ablation, not the whole paper, which also knows energy and the load of
 * its data centre. Prefix cuts, raw tensors, profiled times; no load, no fixed cost, no way back. Its device model is
 * fitted on the device, hence d.
 */
export const neurosurgeon: Policy = {
  considers: (arm) => arm.isPrefix && arm.codec === 'f32',
  choose: (input) => {
    const { d, uplink } = input.at;
    return argMin(input, (arm) => d * arm.headMs + (arm.usesEdge ? arm.bytesUp / uplink + arm.tailMs : 0));
  },
};
