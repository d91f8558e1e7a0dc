import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../testing/random.js';
import { Frontier } from './frontier.js';

const WINDOWS = [14_600, 43_800, 102_200];

interface TestArm {
  headMs: number;
  readonly codecMs: number;
  readonly usesEdge: boolean;
  bytesUp: number;
  tailMs: number;
  readonly bytesDown: number;
}

function featuresOf({ headMs, codecMs, usesEdge, bytesUp, tailMs, bytesDown }: TestArm): number[] {
  const rounds = WINDOWS.map((window) => (bytesUp > window ? 1 : 0));
  return [headMs, codecMs, usesEdge ? 1 : 0, bytesUp, tailMs, bytesDown, ...rounds];
}

/** Cuts of a chain by codec, as tables have them: f32, half, a quarter, the latter two at the price of encoding. */
function armsOf(numCuts: number, random: () => number): TestArm[] {
  return Array.from({ length: numCuts }, (_, cut) => cut).flatMap((cut): TestArm[] => {
    const depth = cut / (numCuts - 1);
    const local = { headMs: 60, codecMs: 0, usesEdge: false, bytesUp: 0, tailMs: 0, bytesDown: 0 };
    if (cut === numCuts - 1) return [local];
    // Whole numbers and few of them, so that equal arms and ties happen.
    const bytesUp = Math.round(40 * Math.exp(-3 * depth) * (0.3 + random())) * 16_000;
    return [1, 2, 4].map((times) => ({
      headMs: Math.round(60 * depth),
      codecMs: times === 1 ? 0 : 1 + bytesUp / 1e6,
      usesEdge: true,
      bytesUp: bytesUp / times,
      tailMs: Math.round(20 * (1 - depth)),
      bytesDown: 4_000,
    }));
  });
}

function firstLowest(arms: readonly TestArm[], among: Iterable<number>, coefficients: readonly number[]): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const index of among) {
    const arm = arms[index];
    if (arm === undefined) continue;
    const latencyMs = featuresOf(arm).reduce((sum, value, at) => sum + value * (coefficients[at] ?? 0), 0);
    if (latencyMs >= least) continue;
    least = latencyMs;
    best = index;
  }
  return best;
}

const decades = (low: number, high: number) =>
  fc.double({ min: Math.log(low), max: Math.log(high), noNaN: true }).map(Math.exp);
/** d, 1, fixed + q, 1/uplink, k, 1/downlink, and a stall for each round. */
const conditions = fc
  .tuple(decades(0.05, 100), decades(1, 500), decades(1e-7, 1), decades(0.05, 100), decades(1e-7, 1), fc.nat(200))
  .map(([d, fixedMs, up, k, down, roundTripMs]) => [
    d,
    1,
    fixedMs,
    up,
    k,
    down,
    ...WINDOWS.map((_, round) => Math.max(0, roundTripMs - 14_600 * 2 ** round * up)),
  ]);

describe('the frontier', () => {
  it('decides as all arms do, also after corrections', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 2, max: 40 }),
        fc.array(conditions, { minLength: 30, maxLength: 60 }),
        (seed, numCuts, all) => {
          const random = seeded(seed);
          const arms = armsOf(numCuts, random);
          const frontier = new Frontier(arms.length, (index) => featuresOf(arms[index] ?? ({} as never)));
          for (const [step, at] of all.entries()) {
            expect(firstLowest(arms, frontier.active, at)).toBe(firstLowest(arms, arms.keys(), at));
            if (step % 3 !== 2) continue;
            const index = Math.floor(random() * arms.length);
            const arm = arms[index];
            if (arm === undefined) continue;
            arm.headMs *= 0.5 + random();
            arm.tailMs *= 0.5 + random();
            if (random() < 0.5) arm.bytesUp *= 0.5 + random();
            frontier.moved(index);
            expect(frontier.active).toContain(index);
            if (random() < 0.3) frontier.rebuild();
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('drops most arms, and of equal ones keeps the first', () => {
    const arms = armsOf(40, seeded(1));
    const frontier = new Frontier(arms.length * 2, (index) => featuresOf(arms[index % arms.length] ?? ({} as never)));
    expect(frontier.active.length).toBeLessThan(arms.length / 2);
    expect(Math.max(...frontier.active)).toBeLessThan(arms.length);
  });

  it('drops what lies above the others also where tails are in proportion to heads', () => {
    const rows = [
      [0, 1, 90, 60],
      [10, 1, 80, 50],
      [20, 1, 70, 20],
      [60, 1, 30, 5],
      [90, 0, 0, 0],
    ];
    expect(new Frontier(rows.length, (index) => rows[index] ?? []).active).toEqual([0, 2, 3, 4]);
  });

  it('counts what a correction brings back until it is built anew', () => {
    const rows = [
      [0, 9, 1],
      [9, 0, 1],
      [4, 4, 1],
      [9, 9, 9],
    ];
    const frontier = new Frontier(rows.length, (index) => rows[index] ?? []);
    expect(frontier.active).toEqual([0, 1, 2]);
    rows[0] = [0, 20, 1];
    frontier.moved(0);
    expect([frontier.active, frontier.stale]).toEqual([[0, 1, 2, 3], 1]);
    frontier.rebuild();
    expect([frontier.active, frontier.stale]).toEqual([[0, 1, 2], 0]);
  });

  it('never drops what is not finite', () => {
    const rows = [
      [1, 1],
      [2, Number.NaN],
      [3, 3],
    ];
    expect(new Frontier(rows.length, (index) => rows[index] ?? []).active).toEqual([0, 1]);
  });
});
