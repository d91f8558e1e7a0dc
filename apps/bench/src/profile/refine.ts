import type { NetworkProfile } from '../policies/profile-file.js';
import type { TimedCut } from './time-cuts.js';
import type { Timing } from './timing.js';

/** What of an earlier profile must be the same for its times to be compared with new ones. */
export interface Origin {
  readonly cpu: string;
  readonly browser: string;
  /** Label of what runs the tails. */
  readonly edge: string;
}

/** @throws Error when the earlier profile is from elsewhere */
export function assertComparable({ machine, browser, network }: NetworkProfile, origin: Origin): void {
  if (machine.cpu === origin.cpu && machine.edge === origin.edge && browser === origin.browser) return;
  throw new Error(`the profile of ${network} is from another machine or other versions; measure it anew`);
}

/**
 * Takes from an earlier profile the times that are quicker than the new ones: the earlier run is then one pass more. Only of
 * prefixes, whose numbers name the same nodes as long as the optimised graph is the same.
 */
export function refined(timed: readonly TimedCut[], { cuts }: NetworkProfile): TimedCut[] {
  const known = new Map(cuts.flatMap((cut) => (cut.isPrefix && cut.timed ? [[cut.id, cut] as const] : [])));
  return timed.map((one) => {
    const before = known.get(one.cut.id);
    if (before === undefined || before.headFlops !== one.cut.headFlops) return one;
    return { ...one, head: kept(one.head, before.headMs), tail: kept(one.tail, before.tailMs) };
  });
}

/** Runs and spread stay those of the new run: the earlier ones said the same of a busier or quieter time. */
function kept(timing: Timing, beforeMs: number): Timing {
  return beforeMs < timing.ms ? { ...timing, ms: beforeMs } : timing;
}
