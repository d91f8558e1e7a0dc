import { cutpoint } from './cutpoint.js';
import { local, offload } from './fixed.js';
import { loadpart } from './loadpart.js';
import { neurosurgeon } from './neurosurgeon.js';
import type { Policy } from './policy.js';

/** Every policy by its name. */
export const policies = Object.freeze({ local, offload, neurosurgeon, loadpart, cutpoint } satisfies Record<
  string,
  Policy
>);

export type PolicyName = keyof typeof policies;

export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(policies, name);
}
