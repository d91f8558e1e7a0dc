import type { Conditions } from './conditions.js';
import { NOTHING_AHEAD } from './cost.js';
import type { Plan } from './plan.js';

/** One short line for people: what changed, and what it did to the cut. */
export function explainPlan(plan: Plan, previous?: Plan): string {
  return `${reason(plan)}: ${effect(plan, previous)}`;
}

function reason({ cause, conditions, policy }: Plan): string {
  const { uplink, downlink, fixedMs, d } = conditions;
  switch (cause) {
    case 'first':
      return uplink.ageMs === Number.POSITIVE_INFINITY ? 'nothing is measured yet' : 'first decision';
    case 'steady':
      return 'no better arm';
    case 'forced':
      return 'cut set by hand';
    case 'forced-unavailable':
      return 'the cut set by hand cannot run yet';
    case 'released':
      return 'the cut is free again';
    case 'policy':
      return `policy is now ${policy}`;
    case 'ready':
      return 'weights are here and the head is warm';
    case 'not-ready':
      return 'the head in use went away';
    case 'disconnected':
      return 'the edge cannot be reached';
    case 'edge-failed':
      return 'the edge failed this inference';
    case 'reconnected':
      return 'the edge is back';
    case 'link-measured':
      return `link measured, uplink ${megabits(uplink.value)}`;
    case 'device-measured':
      return `device measured, ${times(d.value)} the profiled head time`;
    case 'uplink-fell':
      return `uplink fell to ${megabits(uplink.value)}`;
    case 'uplink-rose':
      return `uplink rose to ${megabits(uplink.value)}`;
    case 'downlink-fell':
      return `downlink fell to ${megabits(downlink.value)}`;
    case 'downlink-rose':
      return `downlink rose to ${megabits(downlink.value)}`;
    case 'latency-rose':
      return `round trip rose to ${milliseconds(fixedMs.value)}`;
    case 'latency-fell':
      return `round trip fell to ${milliseconds(fixedMs.value)}`;
    case 'edge-busy':
      return `the edge is busy (${load(conditions)})`;
    case 'edge-idle':
      return `the edge has time (${load(conditions)})`;
    case 'device-slower':
      return `this device became slower, ${times(d.value)} the profiled head time`;
    case 'device-faster':
      return `this device became faster, ${times(d.value)} the profiled head time`;
    case 'page-busy':
      return `this page is busy (${waiting(conditions)})`;
    case 'page-idle':
      return `this page has time (${waiting(conditions)})`;
    case 'corrected':
      return 'real runs corrected the prediction';
    case 'exploring':
      return 'trying an arm that may be faster than its profile';
  }
}

function effect(plan: Plan, previous?: Plan): string {
  const { arm } = plan.chosen;
  const before = previous?.chosen.arm;
  if (!arm.usesEdge) return before?.usesEdge === false ? 'everything still runs here' : 'everything runs here';
  if (arm.cut === 0) return before?.cut === 0 ? 'everything still runs at the edge' : 'everything runs at the edge';
  if (before === undefined || !before.isPrefix || !arm.isPrefix) return `cut ${arm.cut}`;
  // The number of a prefix cut is the number of its layers.
  const more = arm.cut - before.cut;
  if (more === 0) return `the cut stays at ${arm.cut}`;
  const count = Math.abs(more);
  const layers = `${count} ${more > 0 ? 'more' : 'fewer'} ${count === 1 ? 'layer' : 'layers'}`;
  return `${layers} ${count === 1 ? 'stays' : 'stay'} here`;
}

/** Of its own inferences. */
function waiting({ ahead }: Conditions): string {
  const { headMs, pictureMs, tailMs } = ahead ?? NOTHING_AHEAD;
  return `heads ${milliseconds(headMs)}, pictures ${milliseconds(pictureMs)}, its tails ${milliseconds(tailMs)}`;
}

function load({ queueMs, k }: Conditions): string {
  return `queue ${milliseconds(queueMs.value)}, tails ${times(k.value)}`;
}

/** Rates are bytes per ms; people read Mbit/s. */
function megabits(bytesPerMs: number): string {
  return `${short((bytesPerMs * 8) / 1000)} Mbit/s`;
}

function milliseconds(ms: number): string {
  return `${short(ms)} ms`;
}

function times(factor: number): string {
  return `${short(factor)} times`;
}

function short(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(1);
}
