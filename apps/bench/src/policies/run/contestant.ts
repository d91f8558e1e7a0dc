import type { Arm } from '@cutpoint/partition';
import { Controller, type PolicyName, pruned, type Signal, without } from '@cutpoint/partition';
import { PERIODIC_PROBE } from '../protocol.js';

/** Who chooses in a run. */
export type Contestant =
  | { readonly kind: 'policy'; readonly policy: PolicyName; readonly without?: readonly Signal[] }
  /** Knows the true state, not the future. */
  | { readonly kind: 'informed' }
  /** Knows the future. */
  | { readonly kind: 'clairvoyant' }
  /** The same arm throughout. */
  | { readonly kind: 'fixed'; readonly arm: number };

export function nameOf(contestant: Contestant): string {
  switch (contestant.kind) {
    case 'policy':
      return contestant.without?.length
        ? `${contestant.policy} without ${contestant.without.join(', ')}`
        : contestant.policy;
    case 'fixed':
      return `arm ${contestant.arm}`;
    default:
      return contestant.kind;
  }
}

/** The controller of a policy; `undefined` for who needs none. */
export function controllerOf(contestant: Contestant, arms: readonly Arm[], seed: number): Controller | undefined {
  if (contestant.kind !== 'policy') return undefined;
  const { policy, without: signals } = contestant;
  const ablation = signals === undefined ? {} : { without: without(signals) };
  return new Controller(arms, { policy, seed, pruner: pruned, ...ablation });
}

/** Whether the page probes a silent link of its own accord, as the paper of this policy has it. */
export function probesPeriodically(contestant: Contestant): boolean {
  const names: readonly string[] = PERIODIC_PROBE.policies;
  return contestant.kind === 'policy' && names.includes(contestant.policy);
}
