import type { Codec } from './arm.js';
import type { Ahead } from './conditions.js';
import type { Constraints, Objective } from './constraints.js';
import type { DeviceFactorEstimator } from './estimators/device-factor.js';
import type { EdgeLoadTracker } from './estimators/edge-load.js';
import type { LinkState } from './link-state.js';
import type { Outcome } from './policies/policy.js';
import type { PolicyName } from './policies/registry.js';
import type { MakePruner } from './pruner.js';
import type { Ablation } from './signals.js';

/** Share of the latency that may be spent on trying arms that never ran. */
export const DEFAULT_EXPLORATION_BUDGET = 0.005;

export interface ControllerOptions {
  /** Default `cutpoint`. */
  readonly policy?: PolicyName;
  readonly constraints?: Constraints;
  /** Default `latency`. */
  readonly objective?: Objective;
  /** Default {@link DEFAULT_EXPLORATION_BUDGET}; 0 never tries. */
  readonly explorationBudget?: number;
  /** Of the random numbers that keep clients from moving all at once; give each client its own. Default 1. */
  readonly seed?: number;
  /**
   * Makes decisions over many arms faster once every arm is ready, and changes none: see `pruned`. Default none; a page,
   * where hardly ever every head is built, would load it for nothing.
   */
  readonly pruner?: MakePruner;
  /** Signals to do without: see `without`. */
  readonly without?: Ablation;
  /** Shared between all controllers of one edge. */
  readonly link?: LinkState;
  /** Shared between the variants of one model at one edge. */
  readonly load?: EdgeLoadTracker;
  /** Shared between the variants of one model on one device. */
  readonly device?: DeviceFactorEstimator;
  /** What inferences that are under way still need; default nothing. */
  readonly ahead?: (nowMs: number) => Ahead | undefined;
}

export interface DecideOptions {
  /** Forces a cut (the nearest listed one) for this decision alone; what is remembered is not touched. */
  readonly cut?: number | undefined;
  /** With {@link cut}: the codec to use there, if there is such an arm. */
  readonly codec?: Codec | undefined;
  /** ms that are left for this inference; default the constraint's `deadlineMs`. */
  readonly deadlineMs?: number | undefined;
  /** Of this decision; default the controller's. */
  readonly objective?: Objective | undefined;
  /** Answers what would be decided, and remembers nothing of it. */
  readonly peek?: boolean;
  /** Decides this once as if the edge could not be reached, because it failed this inference; remembers nothing. */
  readonly withoutEdge?: boolean;
}

/** How one inference went, for policies that learn by trying. */
export interface ArmOutcome extends Outcome {
  readonly cut: number;
  readonly codec: Codec;
}
