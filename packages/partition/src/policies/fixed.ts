import { fastest, type Policy } from './policy.js';

/** Everything on the device. */
export const local: Policy = { considers: (arm) => !arm.usesEdge, choose: fastest };

/** Everything at the edge: the input is sent as it is. */
export const offload: Policy = { considers: (arm) => arm.usesEdge && arm.cut === 0, choose: fastest };
