import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';
import { type ArmFactors, type ConditionValues, predictTotal, totalOf, valuesOf } from './cost.js';
import type { Cause } from './plan.js';

/** One end of a switch: an arm, with the corrections that its real runs gave. */
export interface SwitchEnd {
  readonly arm: Arm;
  readonly factors: ArmFactors;
}

/** The arm that was left and the one that was taken. */
export interface Switch {
  readonly from: SwitchEnd;
  readonly to: SwitchEnd;
}

const QUANTITIES = ['uplink', 'downlink', 'fixedMs', 'queueMs', 'k', 'd', 'ahead'] as const;
type Quantity = (typeof QUANTITIES)[number];

/** Cause when the quantity grew, and when it shrank. */
const CAUSES: Readonly<Record<Quantity, readonly [Cause, Cause]>> = {
  uplink: ['uplink-rose', 'uplink-fell'],
  downlink: ['downlink-rose', 'downlink-fell'],
  fixedMs: ['latency-rose', 'latency-fell'],
  queueMs: ['edge-busy', 'edge-idle'],
  k: ['edge-busy', 'edge-idle'],
  d: ['device-slower', 'device-faster'],
  ahead: ['page-busy', 'page-idle'],
};

/**
 * Which condition made the difference between `before` and `now`: the one without whose change the new arm would have
 * gained least over the old one. `undefined` when none of them speaks for the switch.
 */
export function attribute(change: Switch, before: Conditions, now: Conditions): Cause | undefined {
  const from = valuesOf(before);
  const to = valuesOf(now);
  const gain = gainOf(change, to);
  let decisive: Quantity | undefined;
  let largest = 0;
  for (const quantity of QUANTITIES) {
    if (unchanged(part(quantity, from), to)) continue;
    const share = gain - gainOf(change, { ...to, ...part(quantity, from) });
    if (share > largest) {
      largest = share;
      decisive = quantity;
    }
  }
  if (decisive === undefined) return undefined;
  const [rose, fell] = CAUSES[decisive];
  if (decisive === 'ahead') return totalOf(to.ahead) > totalOf(from.ahead) ? rose : fell;
  if (before[decisive].ageMs === Number.POSITIVE_INFINITY && decisive !== 'queueMs' && decisive !== 'k') {
    return decisive === 'd' ? 'device-measured' : 'link-measured';
  }
  return to[decisive] > from[decisive] ? rose : fell;
}

/** How much faster the new arm is than the old one, in ms. */
function gainOf({ from, to }: Switch, at: ConditionValues): number {
  return endMs(from, at) - endMs(to, at);
}

function endMs({ arm, factors }: SwitchEnd, at: ConditionValues): number {
  return predictTotal(arm, at, factors);
}

/** What belongs together to a person: how long the queue is, and how it moves. */
function part(
  quantity: Quantity,
  { announcedMs, busy, residualMs, ...rest }: ConditionValues,
): Partial<ConditionValues> {
  if (quantity === 'queueMs') return { queueMs: rest.queueMs, announcedMs, busy, residualMs };
  return { [quantity]: rest[quantity] };
}

function unchanged(some: Partial<ConditionValues>, to: ConditionValues): boolean {
  return Object.entries(some).every(([name, value]) => to[name as keyof ConditionValues] === value);
}
