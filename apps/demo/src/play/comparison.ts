import type { PolicyName } from '@cutpoint/client';
import type { Reading } from '../networks/answer.js';
import { mean, quantile } from './statistics.js';

/** How long a policy may take to get the heads that it wishes for. */
const READY_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 200;

/** What a comparison does with the networks. */
export interface Bench {
  setPolicy(policy: PolicyName): void;
  read(signal: AbortSignal): Promise<Reading>;
  /** Every network would run the arm that its policy wishes for. */
  hasItsWish(): boolean;
}

export interface Comparison {
  readonly policies: readonly PolicyName[];
  readonly rounds: number;
}

export interface Step {
  readonly policy: PolicyName;
  /** 0 while the policy gets its heads: that reading counts for nothing. */
  readonly round: number;
  readonly done: number;
  readonly total: number;
}

export interface ComparisonEvents {
  readonly onStep: (step: Step) => void;
  /** It has not got what it wishes for in time, and is measured with what it has. */
  readonly onWithoutWish: (policy: PolicyName) => void;
  readonly onReading: (policy: PolicyName, reading: Reading) => void;
}

/**
 * Reads the same picture by each policy in turn, round after round, so that what changes meanwhile meets all of them alike;
 * each round begins with another one, so that none always follows the same.
 */
export async function compare(
  bench: Bench,
  { policies, rounds }: Comparison,
  { onStep, onWithoutWish, onReading }: ComparisonEvents,
  signal: AbortSignal,
): Promise<void> {
  const total = policies.length * (rounds + 1);
  let done = 0;
  for (const policy of policies) {
    onStep({ policy, round: 0, done, total });
    if (!(await getReady(bench, policy, signal))) onWithoutWish(policy);
    done += 1;
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const policy of rotated(policies, round - 1)) {
      onStep({ policy, round, done, total });
      bench.setPolicy(policy);
      onReading(policy, await bench.read(signal));
      signal.throwIfAborted();
      done += 1;
    }
  }
}

/** @returns whether it would run what it wishes for */
async function getReady(bench: Bench, policy: PolicyName, signal: AbortSignal): Promise<boolean> {
  bench.setPolicy(policy);
  const giveUpAtMs = performance.now() + READY_WITHIN_MS;
  do {
    await bench.read(signal);
    signal.throwIfAborted();
    if (bench.hasItsWish()) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  } while (performance.now() < giveUpAtMs);
  return false;
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const first = by % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

export interface Row {
  readonly policy: PolicyName;
  readonly count: number;
  readonly meanMs: number;
  readonly p95Ms: number;
  readonly bytesUp: number;
}

/** What was measured of one policy, `undefined` as long as that is nothing. */
export function summarise(policy: PolicyName, readings: readonly Reading[]): Row | undefined {
  if (readings.length === 0) return undefined;
  const times = readings.map(({ totalMs }) => totalMs);
  const bytesUp = mean(readings.map(({ traces }) => traces.reduce((sum, trace) => sum + trace.bytesUp, 0)));
  return { policy, count: times.length, meanMs: mean(times), p95Ms: quantile(times, 0.95), bytesUp };
}
