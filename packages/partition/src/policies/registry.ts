import { ans } from './ans.js';
import { cutpoint } from './cutpoint.js';
import { dads } from './dads.js';
import { local, offload, offloadCompressed } from './fixed.js';
import { loadpart } from './loadpart.js';
import { neurosurgeon } from './neurosurgeon.js';
import type { Policy } from './policy.js';

/** Every policy by its name. */
export const policies = Object.freeze({
  local,
  offload,
  'offload-compressed': offloadCompressed,
  neurosurgeon,
  loadpart,
  dads,
  ans,
  cutpoint,
} satisfies Record<string, Policy>);

/** How the arm is chosen: `cutpoint` is ours, the others are there to compare with. @useDeclaredType */
export type PolicyName = keyof typeof policies;

export const POLICY_NAMES = Object.freeze(Object.keys(policies) as PolicyName[]);

export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(policies, name);
}
