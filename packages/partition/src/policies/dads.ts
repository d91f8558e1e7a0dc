import type { Arm } from '../arm.js';
import { argMin, type Policy, type PolicyInput } from './policy.js';

/**
 * DADS (Hu, Bao, Wang, Liu, "Dynamic Adaptive DNN Surgery for Inference Acceleration on the Edge", INFOCOM 2019): a minimum
 * cut of the operator DAG by bandwidth and profiled times, raw tensors. Under light load it minimises the latency of
 * one inference; when inferences are asked for faster than the slowest stage of that cut can follow, it minimises the
 * slowest stage of device, link and edge instead. The cuts among which it chooses are those that the parametric
 * minimum cut proposed when the model was prepared, which hold the minimum for every bandwidth. Bandwidth only: no
 * load, no fixed cost, no way back.
 */
export const dads: Policy = {
  considers: (arm) => arm.codec === 'f32',
  choose: (input) => {
    const light = argMin(input, (arm) => sum(stages(arm, input)));
    const arm = input.arms[light];
    if (arm === undefined || input.requestRate * Math.max(...stages(arm, input)) < 1) return light;
    return argMin(input, (candidate) => Math.max(...stages(candidate, input)));
  },
};

/** ms on the device, on the link, at the edge. */
function stages(arm: Arm, { at }: PolicyInput): readonly [number, number, number] {
  const headMs = at.d * arm.headMs;
  return arm.usesEdge ? [headMs, arm.bytesUp / at.uplink, arm.tailMs] : [headMs, 0, 0];
}

function sum([device, link, edge]: readonly [number, number, number]): number {
  return device + link + edge;
}
