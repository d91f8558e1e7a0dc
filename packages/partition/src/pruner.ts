import type { Arm } from './arm.js';
import type { ArmFactors, ConditionValues } from './cost.js';

/** A few arms among which the fastest is whenever latency alone counts and its terms add up. */
export interface FewArms {
  /** Ascending; `undefined` where nothing can be pruned. */
  readonly active: readonly number[] | undefined;
  /** Whether the least cost among them, by the corrections of now, is the least of all arms. */
  suffices(at: ConditionValues, leastCost: number): boolean;
}

/** Keeps the few arms that can be the fastest under some conditions. */
export interface Pruner extends FewArms {
  /** Their corrections changed. */
  moved(indexes: readonly number[]): void;
  /** Takes some ms: call it when nobody waits. */
  rebuildIfStale(nowMs: number): void;
}

/** @param factors the corrections of now */
export type MakePruner = (arms: readonly Arm[], factors: () => readonly ArmFactors[]) => Pruner;
