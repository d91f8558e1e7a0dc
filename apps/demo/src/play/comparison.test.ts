import type { PolicyName } from '@cutpoint/client';
import { afterEach, expect, it, vi } from 'vitest';
import type { Reading } from '../networks/answer.js';
import { compare, type Step, summarise } from './comparison.js';
import { quantile } from './statistics.js';

function readingOf(totalMs: number): Reading {
  return { answer: { kind: 'labels', labels: [] }, totalMs, traces: [] };
}

afterEach(() => {
  vi.useRealTimers();
});

/** Notes under which policy each reading was made; `local` has its wish at its second. */
class NotedBench {
  readonly read_: PolicyName[] = [];
  #policy: PolicyName = 'cutpoint';
  setPolicy(policy: PolicyName): void {
    this.#policy = policy;
  }
  async read(): Promise<Reading> {
    this.read_.push(this.#policy);
    return readingOf(this.read_.length);
  }
  hasItsWish(): boolean {
    return this.#policy !== 'local' || this.read_.filter((policy) => policy === 'local').length >= 2;
  }
}

it('gets every policy ready uncounted, then takes them in turn, each round another one first', async () => {
  const bench = new NotedBench();
  const counted: PolicyName[] = [];
  const steps: Step[] = [];
  const policies: PolicyName[] = ['cutpoint', 'local', 'offload'];
  const without: PolicyName[] = [];
  const events = {
    onStep: (step: Step) => steps.push(step),
    onWithoutWish: (policy: PolicyName) => without.push(policy),
    onReading: (policy: PolicyName) => counted.push(policy),
  };
  await compare(bench, { policies, rounds: 2 }, events, new AbortController().signal);
  expect(bench.read_.slice(0, 4)).toEqual(['cutpoint', 'local', 'local', 'offload']);
  expect(counted).toEqual(['cutpoint', 'local', 'offload', 'local', 'offload', 'cutpoint']);
  expect(counted).toEqual(bench.read_.slice(4));
  expect(steps.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(steps.every(({ total }) => total === 9)).toBe(true);
  expect(without).toEqual([]);
});

it('says of which policy it did not wait for the head any longer', async () => {
  vi.useFakeTimers();
  const bench = new NotedBench();
  bench.hasItsWish = () => false;
  const without: PolicyName[] = [];
  const counted: PolicyName[] = [];
  const events = {
    onStep() {},
    onWithoutWish: (policy: PolicyName) => without.push(policy),
    onReading: (policy: PolicyName) => counted.push(policy),
  };
  const comparing = compare(bench, { policies: ['local'], rounds: 1 }, events, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(14_000);
  expect(without).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  await comparing;
  expect(without).toEqual(['local']);
  expect(counted).toEqual(['local']);
});

it('stops where it is when it is told to', async () => {
  const stop = new AbortController();
  const counted: PolicyName[] = [];
  const onReading = (policy: PolicyName) => {
    counted.push(policy);
    if (counted.length === 3) stop.abort(new Error('enough'));
  };
  const comparing = compare(
    new NotedBench(),
    { policies: ['cutpoint', 'offload'], rounds: 9 },
    { onStep() {}, onWithoutWish() {}, onReading },
    stop.signal,
  );
  await expect(comparing).rejects.toThrow('enough');
  expect(counted).toHaveLength(3);
});

it('gives the mean and a p95 that was measured', () => {
  expect(summarise('local', [])).toBeUndefined();
  expect(summarise('local', [10, 30, 20].map(readingOf))).toEqual({
    policy: 'local',
    count: 3,
    meanMs: 20,
    p95Ms: 30,
    bytesUp: 0,
  });
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(hundred, 0.95)).toBe(95);
});
