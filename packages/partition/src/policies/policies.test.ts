import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arm } from '../arm.js';
import { type ConditionValues, predictTotal } from '../cost.js';
import { chainArms, type Layer } from '../testing/arms.js';
import { MARGIN_WHEN_STEADY, MARGIN_WHEN_WORSE } from './cutpoint.js';
import type { Policy, PolicyInput } from './policy.js';
import { policies } from './registry.js';

const ms = fc.double({ min: 0.01, max: 50, noNaN: true });
const layers = fc.array(fc.record<Layer>({ headMs: ms, tailMs: ms, bytes: fc.integer({ min: 100, max: 900_000 }) }), {
  minLength: 1,
  maxLength: 40,
});
const inputBytes = fc.integer({ min: 100, max: 900_000 });
const values = fc.record<ConditionValues>({
  uplink: fc.double({ min: 10, max: 10_000, noNaN: true }),
  downlink: fc.double({ min: 10, max: 10_000, noNaN: true }),
  fixedMs: ms,
  queueMs: ms,
  k: fc.double({ min: 0.5, max: 10, noNaN: true }),
  d: fc.double({ min: 0.1, max: 10, noNaN: true }),
});

function inputFor(
  policy: Policy,
  arms: readonly Arm[],
  at: ConditionValues,
  more: Partial<PolicyInput> = {},
): PolicyInput {
  return {
    arms,
    at,
    totalsMs: arms.map((arm) => predictTotal(arm, at)),
    allowed: arms.flatMap((arm, index) => (policy.considers(arm) ? [index] : [])),
    current: -1,
    usualMs: 0,
    ...more,
  };
}

/** Straight from the paper's sum, layer by layer, without any prefix: O(n²). */
function bruteForce(input: number, chain: readonly Layer[], at: ConditionValues, k: number): number[] {
  return Array.from({ length: chain.length + 1 }, (_, p) => {
    let total = 0;
    for (const [index, layer] of chain.entries()) total += index < p ? at.d * layer.headMs : k * layer.tailMs;
    if (p < chain.length) total += (p === 0 ? input : (chain[p - 1]?.bytes ?? 0)) / at.uplink;
    return total;
  });
}

describe.each([
  { name: 'loadpart' as const, k: (at: ConditionValues) => at.k },
  { name: 'neurosurgeon' as const, k: () => 1 },
])('$name', ({ name, k }) => {
  it('finds in one scan what brute force finds over every prefix', () => {
    fc.assert(
      fc.property(layers, inputBytes, values, (chain, input, at) => {
        const policy = policies[name];
        const chosen = policy.choose(inputFor(policy, chainArms(input, chain), at));
        const all = bruteForce(input, chain, at, k(at));
        expect(all[chosen]).toBeCloseTo(Math.min(...all), 6);
      }),
    );
  });

  it('knows no cut that is no prefix', () => {
    expect(policies[name].considers({ ...first(), isPrefix: false })).toBe(false);
  });

  it('is blind to what its paper does not model', () => {
    fc.assert(
      fc.property(layers, inputBytes, values, values, (chain, input, at, other) => {
        const policy = policies[name];
        const arms = chainArms(input, chain);
        const unseen = { fixedMs: other.fixedMs, queueMs: other.queueMs, downlink: other.downlink };
        const changed = { ...at, ...unseen, ...(name === 'neurosurgeon' ? { k: other.k } : {}) };
        expect(policy.choose(inputFor(policy, arms, changed))).toBe(policy.choose(inputFor(policy, arms, at)));
      }),
    );
  });
});

describe('local and offload', () => {
  it('use one arm each, whatever the conditions', () => {
    fc.assert(
      fc.property(layers, inputBytes, values, (chain, input, at) => {
        const arms = chainArms(input, chain);
        expect(policies.local.choose(inputFor(policies.local, arms, at))).toBe(chain.length);
        expect(policies.offload.choose(inputFor(policies.offload, arms, at))).toBe(0);
      }),
    );
  });
});

describe('cutpoint', () => {
  const at: ConditionValues = { uplink: 1_000, downlink: 1_000, fixedMs: 5, queueMs: 0, k: 1, d: 1 };
  const arms = chainArms(1_000, [
    { headMs: 1, tailMs: 1, bytes: 1_000 },
    { headMs: 1, tailMs: 1, bytes: 1_000 },
  ]);
  const choose = (totalsMs: number[], current: number, usualMs: number) =>
    policies.cutpoint.choose(inputFor(policies.cutpoint, arms, at, { totalsMs, current, usualMs }));

  it('takes the fastest of all arms when none is in use', () => {
    fc.assert(
      fc.property(layers, inputBytes, values, (chain, input, conditions) => {
        const network = chainArms(input, chain);
        const given = inputFor(policies.cutpoint, network, conditions);
        const chosen = policies.cutpoint.choose(given);
        for (const index of network.keys())
          expect(given.totalsMs[chosen]).toBeLessThanOrEqual(given.totalsMs[index] ?? 0);
      }),
    );
  });

  it('leaves an arm that runs as usual only for one that wins clearly', () => {
    const steady = 100 * (1 - MARGIN_WHEN_STEADY);
    expect(choose([100, steady + 1, 200], 0, 100)).toBe(0);
    expect(choose([100, steady - 1, 200], 0, 100)).toBe(1);
  });

  it('leaves an arm that got worse for one that is just a little better', () => {
    const worse = 120 * (1 - MARGIN_WHEN_WORSE);
    expect(choose([120, worse + 1, 200], 0, 100)).toBe(0);
    expect(choose([120, worse - 1, 200], 0, 100)).toBe(1);
  });

  it('does not switch for less than a timer resolves', () => {
    expect(choose([0.5, 0.3, 9], 0, 0.5)).toBe(0);
  });

  it('leaves at once an arm that is no longer allowed', () => {
    const given = inputFor(policies.cutpoint, arms, at, {
      totalsMs: [1, 99, 98],
      current: 0,
      usualMs: 1,
      allowed: [1, 2],
    });
    expect(policies.cutpoint.choose(given)).toBe(2);
  });
});

it.each(Object.entries(policies))('%s chooses nothing when nothing is allowed', (_name, policy) => {
  const at: ConditionValues = { uplink: 1, downlink: 1, fixedMs: 1, queueMs: 0, k: 1, d: 1 };
  expect(policy.choose(inputFor(policy, [first()], at, { allowed: [] }))).toBe(-1);
});

function first(): Arm {
  const [arm] = chainArms(1_000, [{ headMs: 1, tailMs: 1, bytes: 10 }]);
  if (arm === undefined) throw new Error('a chain has arms');
  return arm;
}
