import type { PolicyName } from '@cutpoint/partition';
import { LOADS, type LoadSpec } from './load/load-spec.js';

/** All that a run of the live bench varies and repeats: the one place to change it, for every policy at once. */
export interface Experiment {
  /** Names of models of this repository. */
  readonly models: readonly string[];
  readonly megabitsPerSecond: readonly number[];
  readonly roundTripMs: number;
  readonly loads: readonly LoadSpec[];
  readonly policies: readonly PolicyName[];
  /** In each of them every policy has one block, in an order that is rotated from one to the next. */
  readonly repeats: number;
  /** Measured inferences of one block. */
  readonly runsPerBlock: number;
  /** Inferences before those, not measured: estimates, queue and TCP's window are the last policy's until then. */
  readonly settlingRuns: number;
  /** How many times slower than this machine's own core the device is made. */
  readonly slowdown: number;
  readonly seed: number;
  /** A cell that takes longer ends with the repeats that it has. */
  readonly cellLimitMs: number;
  /** An inference that takes longer is given up, and counted as an error. */
  readonly inferenceLimitMs: number;
}

export const FULL: Experiment = {
  models: ['bench-squeezenet', 'bench-resnet18', 'bench-alexnet', 'bench-resnet50'],
  megabitsPerSecond: [4, 16, 64],
  roundTripMs: 20,
  loads: [LOADS.idle, LOADS.medium, LOADS.heavy],
  policies: ['local', 'offload', 'offload-compressed', 'neurosurgeon', 'loadpart', 'cutpoint'],
  repeats: 5,
  runsPerBlock: 2,
  settlingRuns: 1,
  slowdown: 2,
  seed: 1,
  cellLimitMs: 75_000,
  inferenceLimitMs: 20_000,
};

export const QUICK: Experiment = {
  ...FULL,
  models: ['bench-squeezenet'],
  megabitsPerSecond: [4, 64],
  loads: [LOADS.idle, LOADS.heavy],
  repeats: 2,
  cellLimitMs: 20_000,
};

/** The networks that run for others at the edge: one light, one heavier. */
export const LOADING_MODELS: readonly string[] = ['bench-squeezenet', 'bench-resnet18'];

/** 1 Mbit/s is 125 bytes a ms. */
export const BYTES_PER_MS_PER_MEGABIT = 125;
