import type { Arm } from './arm.js';
import { type Constraints, permits } from './constraints.js';
import { type PolicyName, policies } from './policies/registry.js';
import { READY } from './readiness.js';

/** What can be chosen, as far as that does not depend on predictions. Indexes of arms, ascending. */
export interface Options {
  /** Permitted by the constraints, and the network is there for them. */
  readonly reachable: readonly number[];
  /** Of those the ones that are ready, */
  readonly runnable: readonly number[];
  /** and of those the ones that the policy considers. */
  readonly considered: readonly number[];
}

export interface OptionsInput {
  readonly arms: readonly Arm[];
  readonly ready: readonly number[];
  readonly constraints: Constraints;
  readonly policy: PolicyName;
  readonly conditions: { readonly connected: boolean };
}

/** What was asked last with one `ready`, and the answer. */
interface Known {
  readonly arms: readonly Arm[];
  readonly constraints: Constraints;
  readonly policy: PolicyName;
  readonly connected: boolean;
  readonly options: Options;
}

/** Almost every decision has the options of the one before: they are kept with the `ready` array, which is never changed. */
const known = new WeakMap<readonly number[], Known>();

export function optionsOf({ arms, ready, constraints, policy, conditions }: OptionsInput): Options {
  const { connected } = conditions;
  const last = known.get(ready);
  if (
    last?.arms === arms &&
    last.constraints === constraints &&
    last.policy === policy &&
    last.connected === connected
  ) {
    return last.options;
  }
  const reachable: number[] = [];
  for (const [index, arm] of arms.entries()) {
    if ((connected || !arm.usesEdge) && permits(constraints, arm)) reachable.push(index);
  }
  const runnable = reachable.filter((index) => ready[index] === READY);
  const options = { reachable, runnable, considered: considered(arms, runnable, policy) };
  known.set(ready, { arms, constraints, policy, connected, options });
  return options;
}

export function considered(arms: readonly Arm[], possible: readonly number[], name: PolicyName): readonly number[] {
  const policy = policies[name];
  // The cast: what is possible is an index of them.
  const among = possible.map((index) => arms[index] as Arm);
  return possible.filter((_index, at) => policy.considers(among[at] as Arm, among));
}
