import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictTotal, UNCORRECTED } from './cost.js';
import { type Exploration, explore, settleTrial } from './exploration.js';
import { chainArms, shrinkingNetwork } from './testing/arms.js';
import { conditionsOf, valuesWith } from './testing/conditions.js';

const arms = shrinkingNetwork();
const at = valuesWith({ d: 4, uplink: 4_000 });
const totals = arms.map((arm) => predictTotal(arm, at));
const best = totals.indexOf(Math.min(...totals));
const bestMs = totals[best] ?? 0;
const conditions = conditionsOf(at);
const allowed = arms.map((_arm, index) => index);
const fresh: Exploration = { creditMs: 0 };

function question(nowMs: number, budget = 0.01, runs = 0) {
  return {
    arms,
    factors: arms.map(() => ({ ...UNCORRECTED, runs })),
    allowed,
    conditions,
    best,
    bestMs,
    budget,
    nowMs,
  };
}

describe('trying arms', () => {
  it('never costs more than the budget, whatever the trials turn out to be', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.2, noNaN: true }), (budget) => {
        let memory = fresh;
        let extraMs = 0;
        for (let index = 1; index <= 500; index++) {
          const { tries, next } = explore(question(index * 500, budget), memory);
          memory = next;
          // As much slower as the profile may be wrong by.
          if (tries >= 0) {
            const arm = arms[tries];
            const worst = (totals[tries] ?? 0) + 0.15 * (4 * (arm?.headMs ?? 0) + (arm?.tailMs ?? 0));
            extraMs += Math.max(0, worst - bestMs);
          }
          expect(extraMs).toBeLessThanOrEqual(budget * bestMs * index + 1e-9);
        }
      }),
    );
  });

  it('happens when there is something to hope for, and the credit pays', () => {
    const tried = new Set<number>();
    let memory = fresh;
    for (let index = 1; index <= 400; index++) {
      const { tries, next } = explore(question(index * 500), memory);
      memory = next;
      if (tries >= 0) tried.add(tries);
    }
    expect(tried.size).toBeGreaterThan(0);
    expect(tried.has(best)).toBe(false);
    for (const index of tried) expect(totals[index]).toBeLessThan(1.3 * bestMs);
  });

  it('does not happen without a budget, nor with arms that have run', () => {
    const rich: Exploration = { creditMs: 400 };
    expect(explore(question(1_000, 0), rich).tries).toBe(-1);
    expect(explore(question(1_000, 0.01, 3), rich).tries).toBe(-1);
    expect(explore(question(1_000), rich).tries).toBeGreaterThanOrEqual(0);
  });

  it('leaves time between two trials', () => {
    const { next, tries } = explore(question(1_000), { creditMs: 400 });
    expect(tries).toBeGreaterThanOrEqual(0);
    expect(explore(question(1_500), next).tries).toBe(-1);
    expect(explore(question(3_500), { ...next, creditMs: 400 }).tries).toBeGreaterThanOrEqual(0);
  });

  it('does not try what is hopeless', () => {
    const two = chainArms(6_000_000, [{ headMs: 10, tailMs: 10, bytes: 0 }]);
    const given = {
      ...question(1_000),
      at: valuesWith(),
      arms: two,
      factors: [],
      allowed: [0, 1],
      best: 1,
      bestMs: 10,
    };
    expect(explore(given, { creditMs: 400 }).tries).toBe(-1);
  });
});

describe('a trial that is over', () => {
  const before = { creditMs: 10, trial: { arm: 3, reservedMs: 20, insteadMs: 100 } };

  it('gives back what was put by, less what it cost', () => {
    expect(settleTrial(before, 3, 112)).toMatchObject({ creditMs: 18, trial: undefined });
    expect(settleTrial(before, 3, 80)).toMatchObject({ creditMs: 30 });
  });

  it('leaves a debt when it took longer than was thought possible', () => {
    expect(settleTrial(before, 3, 200)).toMatchObject({ creditMs: -70 });
  });

  it('is settled by its own outcome alone', () => {
    expect(settleTrial(before, 2, 112)).toBe(before);
  });
});
