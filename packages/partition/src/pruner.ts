import type { Arm } from './arm.js';
import type { ArmFactors } from './cost.js';

/** Keeps the few arms that can be the fastest under some conditions. */
export interface Pruner {
  /** Their corrections changed. */
  moved(indexes: readonly number[]): void;
  /** Takes some ms: call it when nobody waits. */
  rebuildIfStale(nowMs: number): void;
  /** Ascending; `undefined` where nothing can be pruned. */
  readonly active: readonly number[] | undefined;
}

/** @param factors the corrections of now */
export type MakePruner = (arms: readonly Arm[], factors: () => readonly ArmFactors[]) => Pruner;
