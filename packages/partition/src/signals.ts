import type { Conditions, Estimate } from './conditions.js';
import { DEFAULT_D } from './estimators/device-factor.js';
import { DEFAULT_FIXED_MS } from './estimators/fixed-cost.js';
import { DEFAULT_DOWNLINK_BYTES_PER_MS, DEFAULT_UPLINK_BYTES_PER_MS } from './estimators/link.js';

/** What can be taken away from a controller, to see what it is worth. */
export const SIGNALS = Object.freeze([
  'uplink',
  'fixed',
  'slow-start',
  'queue',
  'k',
  'd',
  'corrections',
  'probes',
  'risk',
  'exploration',
  'stagger',
] as const);
export type Signal = (typeof SIGNALS)[number];

/** Signals that a controller does without. */
export interface Ablation {
  lacks(signal: Signal): boolean;
  /** As they look without: the defaults take the place of what is lacking. */
  conditions(conditions: Conditions): Conditions;
}

/** For `ControllerOptions.without`. */
export function without(signals: readonly Signal[]): Ablation {
  const lacks = (signal: Signal) => signals.includes(signal);
  return { lacks, conditions: (conditions) => withoutSignals(conditions, lacks) };
}

function withoutSignals(conditions: Conditions, lacks: Ablation['lacks']): Conditions {
  return {
    ...conditions,
    ...(lacks('uplink')
      ? { uplink: fixed(DEFAULT_UPLINK_BYTES_PER_MS), downlink: fixed(DEFAULT_DOWNLINK_BYTES_PER_MS) }
      : {}),
    ...(lacks('fixed') ? { fixedMs: fixed(DEFAULT_FIXED_MS) } : {}),
    ...(lacks('fixed') || lacks('slow-start') ? { slowStartMs: 0 } : {}),
    ...(lacks('queue') ? { queueMs: fixed(0), announcedMs: 0, busy: 0, residualMs: 0 } : {}),
    ...(lacks('k') ? { k: fixed(1), kWithQueue: fixed(1), gpuUtilisation: null } : {}),
    ...(lacks('d') ? { d: fixed(DEFAULT_D) } : {}),
  };
}

/** Not infinitely old: an ablation is not to go on waiting for a measurement. */
function fixed(value: number): Estimate {
  return { value, ageMs: 0, confident: false, uncertainty: 0 };
}
