import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arm } from '../arm.js';
import type { ConditionValues } from '../cost.js';
import { chainArms, type Layer } from '../testing/arms.js';
import { valuesWith } from '../testing/conditions.js';
import type { Policy, PolicyInput } from './policy.js';
import { policies } from './registry.js';

const ms = fc.double({ min: 0.01, max: 50, noNaN: true });
const layers = fc.array(fc.record<Layer>({ headMs: ms, tailMs: ms, bytes: fc.integer({ min: 100, max: 900_000 }) }), {
  minLength: 1,
  maxLength: 40,
});
const inputBytes = fc.integer({ min: 100, max: 900_000 });
const rate = fc.double({ min: 10, max: 10_000, noNaN: true });
const load = fc.double({ min: 0.5, max: 10, noNaN: true });
const values: fc.Arbitrary<ConditionValues> = fc
  .record({ uplink: rate, downlink: rate, fixedMs: ms, queueMs: ms, k: load, kWithQueue: load })
  .chain((some) => fc.double({ min: 0.1, max: 10, noNaN: true }).map((d) => valuesWith({ ...some, d })));

function inputFor(
  policy: Policy,
  arms: readonly Arm[],
  at: ConditionValues,
  more: Partial<PolicyInput> = {},
): PolicyInput {
  return {
    arms,
    factors: [],
    at,
    allowed: arms.flatMap((arm, index) => (policy.considers(arm, arms) ? [index] : [])),
    current: -1,
    requestRate: 0,
    state: [],
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
  { name: 'loadpart' as const, k: (at: ConditionValues) => at.kWithQueue },
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
    expect(policies[name].considers({ ...first(), isPrefix: false }, [])).toBe(false);
  });

  it('is blind to what its paper does not model', () => {
    fc.assert(
      fc.property(layers, inputBytes, values, values, (chain, input, at, other) => {
        const policy = policies[name];
        const arms = chainArms(input, chain);
        const unseen = { fixedMs: other.fixedMs, queueMs: other.queueMs, downlink: other.downlink };
        const changed = {
          ...at,
          ...unseen,
          ...(name === 'neurosurgeon' ? { k: other.k, kWithQueue: other.kWithQueue } : {}),
        };
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

describe('loadpart', () => {
  it('takes k to be 1 again when the GPU of the edge has time', () => {
    const arms = chainArms(40_000, [{ headMs: 50, tailMs: 50, bytes: 0 }]);
    const busy = valuesWith({ kWithQueue: 20, gpuUtilisation: 1 });
    expect(policies.loadpart.choose(inputFor(policies.loadpart, arms, busy))).toBe(1);
    const free = { ...busy, gpuUtilisation: 0.3, d: 2 };
    expect(policies.loadpart.choose(inputFor(policies.loadpart, arms, free))).toBe(0);
  });
});

describe('compressed offload', () => {
  const [raw, local] = chainArms(600_000, [{ headMs: 100, tailMs: 10, bytes: 0 }]);
  if (raw === undefined || local === undefined) throw new Error('a chain of one layer has two arms');
  const at = valuesWith();

  it('sends the picture as JPEG or WebP, whichever is faster, and never raw', () => {
    const arms: Arm[] = [
      raw,
      { ...raw, codec: 'u8', bytesUp: 150_000 },
      { ...raw, codec: 'jpeg', bytesUp: 18_000, encodeMs: 2 },
      { ...raw, codec: 'webp', bytesUp: 14_000, encodeMs: 9 },
      local,
    ];
    const policy = policies['offload-compressed'];
    expect(policy.choose(inputFor(policy, arms, at))).toBe(2);
    expect(policy.choose(inputFor(policy, arms, { ...at, uplink: 100 }))).toBe(3);
  });

  it('makes do with 8 bits a value, or with the input as it is, where there is no picture', () => {
    const policy = policies['offload-compressed'];
    const narrow: Arm[] = [raw, { ...raw, codec: 'u8', bytesUp: 150_000 }, local];
    expect(policy.choose(inputFor(policy, narrow, at))).toBe(1);
    expect(policy.choose(inputFor(policy, [raw, local], at))).toBe(0);
  });
});

describe('dads', () => {
  const arms = chainArms(10_000, [
    { headMs: 20, tailMs: 40, bytes: 10_000 },
    { headMs: 60, tailMs: 10, bytes: 0 },
  ]);
  const at = valuesWith();

  it('minimises the latency while inferences are rare, and the slowest stage when they are not', () => {
    // Sums: 60, 40, 80. Slowest stages: 50, 20, 80.
    expect(policies.dads.choose(inputFor(policies.dads, arms, at, { requestRate: 1 / 500 }))).toBe(1);
    const slowLink = { ...at, uplink: 400, d: 1.2 };
    // Sums: 75, 59, 96. Slowest stages: 50, 25, 96.
    expect(policies.dads.choose(inputFor(policies.dads, arms, slowLink, { requestRate: 1 / 20 }))).toBe(1);
    const wide = chainArms(50_000, [{ headMs: 70, tailMs: 10, bytes: 0 }]);
    // Sums: 60 and 70. Slowest stages: 50 and 70; at 15 a second neither keeps up, and 50 is nearer.
    expect(policies.dads.choose(inputFor(policies.dads, wide, at, { requestRate: 1 / 55 }))).toBe(0);
  });

  it('changes its cut when the stream is faster than the slowest stage of the cut of least latency', () => {
    const cuts = chainArms(1_000, [
      { headMs: 10, tailMs: 45, bytes: 30_000 },
      { headMs: 90, tailMs: 15, bytes: 0 },
    ]);
    // Sums: 61, 55, 100. Slowest stages: 60, 30, 100.
    expect(policies.dads.choose(inputFor(policies.dads, cuts, at))).toBe(1);
    const deep = chainArms(1_000, [
      { headMs: 1, tailMs: 1, bytes: 25_000 },
      { headMs: 90, tailMs: 30, bytes: 0 },
    ]);
    // Sums: 32, 56, 91: the whole goes to the edge. Slowest stages: 31, 30, 91.
    expect(policies.dads.choose(inputFor(policies.dads, deep, at))).toBe(0);
    expect(policies.dads.choose(inputFor(policies.dads, deep, at, { requestRate: 1 / 30.5 }))).toBe(1);
  });
});

describe('ans', () => {
  const policy = policies.ans;
  const arms = chainArms(100_000, [
    { headMs: 30, tailMs: 20, bytes: 40_000 },
    { headMs: 30, tailMs: 20, bytes: 0 },
  ]);
  const at = valuesWith();

  /** Lets it choose and learn against a world whose edge costs are given by the arm's index. */
  function play(edgeMs: readonly number[], rounds: number): number[] {
    let state: readonly number[] = [];
    return Array.from({ length: rounds }, () => {
      const index = policy.choose(inputFor(policy, arms, at, { state }));
      const arm = arms[index];
      if (arm === undefined) throw new Error('it chose none');
      const outcome = { totalMs: arm.headMs + (edgeMs[index] ?? 0), headMs: arm.headMs, queueMs: 0, tailMs: 0 };
      state = policy.learn?.(state, arm, outcome, arms) ?? state;
      return index;
    });
  }

  it('finds the cut that is best without knowing the link or the load', () => {
    const count = (chosen: number[], index: number) => chosen.slice(20).filter((value) => value === index).length;
    expect(count(play([200, 10, 0], 60), 1)).toBeGreaterThan(36);
    expect(count(play([15, 100, 0], 60), 0)).toBeGreaterThan(36);
  });

  it('stays local when the edge is slow, but is made to look there every so often', () => {
    const chosen = play([900, 800, 0], 100).slice(20);
    expect(chosen.filter((index) => index === 2).length).toBeGreaterThan(60);
    expect(chosen.filter((index) => index !== 2).length).toBeGreaterThan(10);
  });
});

it.each(Object.entries(policies))('%s chooses nothing when nothing is allowed', (_name, policy) => {
  expect(policy.choose(inputFor(policy, [first()], valuesWith(), { allowed: [] }))).toBe(-1);
});

function first(): Arm {
  const [arm] = chainArms(1_000, [{ headMs: 1, tailMs: 1, bytes: 10 }]);
  if (arm === undefined) throw new Error('a chain has arms');
  return arm;
}
