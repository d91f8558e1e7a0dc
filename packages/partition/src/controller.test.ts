import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arm } from './arm.js';
import { Controller } from './controller.js';
import { totalOf } from './cost.js';
import type { Plan } from './plan.js';
import { type PolicyName, policies } from './policies/registry.js';
import { chainArms, shrinkingNetwork } from './testing/arms.js';
import { seeded } from './testing/random.js';

const arms = shrinkingNetwork();
const LOCAL = arms.length - 1;

/** There in every engine; this package's own code has no use for it, nor for the types of any platform. */
declare function structuredClone<T>(value: T): T;

/** Connected, everything ready, everything measured: d 4, k 1, no queue, 10 ms round trip, fast downlink. */
function seasoned(uplinkBytesPerMs: number, policy: PolicyName = 'cutpoint'): Controller {
  const controller = new Controller(arms, { policy });
  controller.observeConnection(true);
  for (const { cut } of arms) controller.setReady(cut, true);
  for (let index = 0; index < 10; index++) {
    transfer(controller, uplinkBytesPerMs, index);
    controller.observeTransfer('down', { numBytes: 50_000, spanMs: 5 }, index);
    controller.observeRoundTrip(10, index);
    controller.observeHead(5, 160, index);
    controller.observeLoad({ queueMs: 0, k: 1 }, index);
  }
  return controller;
}

function transfer(controller: Controller, rate: number, atMs: number): void {
  controller.observeTransfer('up', { numBytes: 50_000, spanMs: 50_000 / rate }, atMs);
}

function bestOf(plan: Plan): number {
  return plan.candidates.reduce((best, candidate) => Math.min(best, candidate.totalMs), Number.POSITIVE_INFINITY);
}

describe('heads that move to another device', () => {
  it('are timed anew: what was learnt on the old one is gone, and what was learnt of the edge is not', () => {
    const controller = seasoned(1000, 'cutpoint');
    for (let index = 0; index < 10; index++) controller.observeTail(5, 30, 20 + index);
    const before = controller.decide(30);
    controller.forgetHeads(30);
    const { d, k } = controller.conditions(30);
    expect(d).toMatchObject({ value: 2, confident: false, ageMs: Number.POSITIVE_INFINITY });
    expect(k).toEqual(before.conditions.k);
    for (let index = 0; index < 10; index++) controller.observeHead(5, 4, 40 + index);
    const fresh = seasoned(1000, 'cutpoint');
    fresh.forgetHeads(30);
    expect(controller.conditions(50).d.value).toBeLessThan(0.2);
    const headOf = (plan: Plan) => plan.candidates.find(({ arm }) => arm.cut === 5)?.terms.headMs ?? Number.NaN;
    expect(headOf(before)).toBeGreaterThan(100);
    expect(headOf(controller.decide(50))).toBeCloseTo(4, 0);
  });
});

describe('with nothing measured', () => {
  it('offloads everything when connected, which needs no weights here', () => {
    const controller = new Controller(arms);
    controller.observeConnection(true);
    for (const { cut } of arms) controller.setReady(cut, true);
    const plan = controller.decide(0);
    expect(plan.chosen.arm.cut).toBe(0);
    expect(plan.cause).toBe('first');
    expect(plan.conditions.uplink).toMatchObject({ confident: false, ageMs: Number.POSITIVE_INFINITY });
    expect(plan.candidates.some((candidate) => candidate.rejected === 'unmeasured')).toBe(true);
  });

  it('sends the input by the codec that is the quickest on the link as far as it is known', () => {
    const full = arms.find(({ cut }) => cut === 0) ?? expect.fail('no full offload');
    const coded = [
      { ...full, bytesUp: 50_000 },
      { ...full, codec: 'jpeg' as const, bytesUp: 6_000, encodeMs: 1 },
      { ...full, codec: 'webp' as const, bytesUp: 5_000, encodeMs: 5 },
    ];
    const controller = new Controller([...coded, ...arms.filter(({ cut }) => cut > 0)]);
    controller.observeConnection(true);
    // At 10 Mbit/s the fewest bytes would cost more than they save.
    expect(controller.decide(0).chosen.arm).toMatchObject({ cut: 0, codec: 'jpeg' });
    // On a link as fast as memory nothing is gained by an encoder; the device is still unknown.
    controller.observeTransfer('up', { numBytes: 500_000, spanMs: 2, idleMs: 0 }, 10);
    const second = controller.decide(20);
    expect(second.conditions.d.ageMs).toBe(Number.POSITIVE_INFINITY);
    expect(second.chosen.arm).toMatchObject({ cut: 0, codec: 'f32' });
  });

  it('wishes for a head to try, as if the device were fast', () => {
    const controller = new Controller(arms);
    controller.observeConnection(true);
    const { wish } = controller.decide(0);
    expect(wish.arm.cut).toBeGreaterThan(0);
    expect(wish.rejected).toBe('not-ready');
  });

  it('believes the defaults after some decisions that taught nothing', () => {
    const controller = new Controller(arms);
    controller.observeConnection(true);
    for (const { cut } of arms) controller.setReady(cut, true);
    const cuts = Array.from({ length: 12 }, (_, index) => controller.decide(index).chosen.arm.cut);
    expect(cuts.at(0)).toBe(0);
    expect(cuts.at(-1)).toBeGreaterThan(0);
  });

  it('wishes for a long head that a short one speaks ill of, times it, and then believes what was measured', () => {
    const shortAndLong = chainArms(23_000, [
      { headMs: 1.2, tailMs: 1.2, bytes: 490_000 },
      { headMs: 9.8, tailMs: 9.8, bytes: 0 },
    ]);
    const afterLocalTook = (localMs: number) => {
      const controller = new Controller(shortAndLong);
      controller.observeConnection(true);
      for (let index = 0; index < 5; index++) {
        transfer(controller, 500, index);
        controller.observeRoundTrip(20, index);
        controller.observeHead(1, 9.6, index);
      }
      controller.setReady(1, true);
      const before = controller.decide(10);
      expect(before.chosen.arm.cut).toBe(0);
      // By d = 8 it is the slower one; only hope makes it worth a try.
      expect(before.wish.arm.cut).toBe(2);
      expect(before.wish.totalMs).toBeGreaterThan(before.chosen.totalMs);
      for (let index = 11; index < 14; index++) controller.observeHead(2, localMs, index);
      controller.setReady(2, true);
      return controller.decide(20);
    };
    expect(afterLocalTook(37).chosen.arm.cut).toBe(2);
    const disappointed = afterLocalTook(200);
    expect(disappointed.chosen.arm.cut).toBe(0);
    expect(disappointed.wish.arm.cut).toBe(0);
  });

  it('wishes for what is best by what was measured, before hope reaches for more weights', () => {
    // By d = 2 the middle takes 33 ms and the whole here 48; with both heads at half, as hope has them, 27 and 24.
    const controller = new Controller(
      chainArms(150_000, [
        { headMs: 2, tailMs: 12, bytes: 140_000 },
        { headMs: 4, tailMs: 12, bytes: 1_000 },
        { headMs: 18, tailMs: 18, bytes: 0 },
      ]),
    );
    controller.observeConnection(true);
    for (let index = 0; index < 5; index++) {
      transfer(controller, 5_000, index);
      controller.observeRoundTrip(3, index);
      controller.observeHead(1, 4, index);
    }
    controller.setReady(1, true);
    expect(controller.decide(10).wish.arm.cut).toBe(2);
    for (let index = 11; index < 16; index++) controller.observeHead(2, 12, index);
    controller.setReady(2, true);
    expect(controller.decide(19).chosen.arm.cut).toBe(2);
    // Only now, and only because it still may be the best: the head of 6 ms speaks for 12.
    expect(controller.decide(20).wish.arm.cut).toBe(3);
  });

  it('says what is missing when nothing can run', () => {
    const controller = new Controller(arms);
    expect(() => controller.decide(0)).toThrow(expect.objectContaining({ code: 'no_runnable_arm' }));
    controller.setReady(LOCAL, true);
    expect(controller.decide(0).chosen.arm.cut).toBe(LOCAL);
  });
});

it('refuses no arms and unknown policies', () => {
  expect(() => new Controller([])).toThrow(expect.objectContaining({ code: 'no_arms' }));
  const controller = new Controller(arms);
  expect(() => controller.setPolicy('toString' as PolicyName)).toThrow(
    expect.objectContaining({ code: 'unknown_policy' }),
  );
});

describe('a decision', () => {
  it('is the fastest arm under the formula, with its terms', () => {
    for (const rate of [20, 200, 1_000, 5_000, 50_000]) {
      const plan = seasoned(rate).decide(20);
      expect(plan.chosen.totalMs).toBeCloseTo(bestOf(plan), 9);
      for (const candidate of plan.candidates) expect(totalOf(candidate.terms)).toBeCloseTo(candidate.totalMs, 9);
      expect(plan.candidates).toHaveLength(arms.length);
      expect(plan.candidates).toContain(plan.chosen);
      expect(plan.candidates).toContain(plan.runnerUp);
      expect(plan.candidates).toContain(plan.wish);
    }
  });

  it('moves the cut towards the device as the uplink gets slower', () => {
    const cuts = [100_000, 5_000, 500, 5].map((rate) => seasoned(rate).decide(20).chosen.arm.cut);
    expect(cuts).toEqual(cuts.toSorted((a, b) => a - b));
    expect(new Set(cuts).size).toBeGreaterThan(2);
    expect(cuts.at(-1)).toBe(LOCAL);
  });

  it('survives spreading, cloning and JSON with every arm in it, unchanged by what is observed later', () => {
    const controller = seasoned(1_000);
    const plan = controller.decide(20);
    const reference = seasoned(1_000).decide(20).candidates;
    for (let index = 0; index < 20; index++) {
      transfer(controller, 20, 30 + index);
      controller.observeHead(3, 500, 30 + index);
      controller.observeTail(3, 500, 30 + index);
      controller.setReady(index % arms.length, false);
    }
    expect({ ...plan }.candidates).toEqual(reference);
    expect(structuredClone(plan).candidates).toEqual(reference);
    expect(JSON.parse(JSON.stringify(plan)).candidates).toEqual(reference);
  });

  it('is the same for the same history', () => {
    const run = () => {
      const controller = seasoned(2_000);
      const random = seeded(5);
      return Array.from({ length: 60 }, (_, index) => {
        transfer(controller, 200 + 4_000 * random(), 100 * index);
        controller.observeLoad({ queueMs: 100 * random(), k: 1 + 3 * random() }, 100 * index);
        return controller.decide(100 * index + 1);
      }).map(({ chosen, cause }) => [chosen.arm.cut, cause]);
    };
    expect(run()).toEqual(run());
  });
});

type Step = (controller: Controller, atMs: number) => void;
const anyMs = fc.double({ min: 0, max: 2_000, noNaN: true });
const anyCut = fc.nat(LOCAL);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(anyCut, fc.boolean()).map(
    ([cut, ready]): Step =>
      (c) =>
        c.setReady(cut, ready),
  ),
  fc.boolean().map(
    (connected): Step =>
      (c) =>
        c.observeConnection(connected),
  ),
  fc.option(anyCut, { nil: undefined }).map(
    (cut): Step =>
      (c) =>
        c.force(cut),
  ),
  fc.constantFrom(...(Object.keys(policies) as PolicyName[])).map(
    (name): Step =>
      (c) =>
        c.setPolicy(name),
  ),
  fc.tuple(anyMs, fc.boolean()).map(
    ([spanMs, up]): Step =>
      (c, at) =>
        c.observeTransfer(up ? 'up' : 'down', { numBytes: 20_000, spanMs }, at),
  ),
  anyMs.map(
    (ms): Step =>
      (c, at) =>
        c.observeRoundTrip(ms, at),
  ),
  fc.tuple(anyMs, fc.double({ min: 0.1, max: 20, noNaN: true })).map(
    ([queueMs, k]): Step =>
      (c, at) =>
        c.observeLoad({ queueMs, k }, at),
  ),
  fc.tuple(anyCut, anyMs).map(
    ([cut, ms]): Step =>
      (c, at) =>
        c.observeHead(cut, ms, at),
  ),
  fc.tuple(anyCut, anyMs).map(
    ([cut, ms]): Step =>
      (c, at) =>
        c.observeTail(cut, ms, at),
  ),
);

describe('whatever happens', () => {
  it('never chooses an arm that is not ready or not reachable, and records a reason for each of the others', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.integer({ min: -500, max: 5_000 })), { maxLength: 60 }), (history) => {
        const controller = new Controller(arms);
        let atMs = 10_000;
        for (const [step, passedMs] of history) {
          atMs += passedMs;
          step(controller, atMs);
          const runnable = arms.some(
            (arm) => controller.isReady(arm.cut) && (controller.link.connected || !arm.usesEdge),
          );
          if (!runnable) {
            expect(() => controller.decide(atMs)).toThrow(expect.objectContaining({ code: 'no_runnable_arm' }));
            continue;
          }
          const { chosen, wish, runnerUp, candidates } = controller.decide(atMs);
          expect(controller.isReady(chosen.arm.cut)).toBe(true);
          for (const { arm } of [chosen, wish, runnerUp ?? chosen])
            expect(controller.link.connected || !arm.usesEdge).toBe(true);
          expect(runnerUp).not.toBe(chosen);
          for (const candidate of candidates) {
            expect(candidate.totalMs).toBeGreaterThanOrEqual(0);
            expect(Number.isFinite(candidate.totalMs)).toBe(true);
            expect(candidate.rejected === undefined).toBe(candidate === chosen);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('stability', () => {
  it('does not move the cut to and fro when the uplink scatters by a third', () => {
    for (const mean of [100, 400, 800, 1_500, 3_000, 8_000]) {
      const controller = seasoned(mean);
      const random = seeded(mean);
      let switches = 0;
      let cut = controller.decide(20).chosen.arm.cut;
      for (let index = 0; index < 300; index++) {
        const atMs = 100 + index * 100;
        transfer(controller, mean * (1 + (random() - 0.5) * 0.66), atMs);
        const plan = controller.decide(atMs);
        // A trial is no move: the next inference is back.
        if (plan.cause === 'exploring') continue;
        if (plan.chosen.arm.cut !== cut) switches += 1;
        cut = plan.chosen.arm.cut;
      }
      // Thirty seconds.
      expect(switches, `at ${mean} bytes/ms`).toBeLessThanOrEqual(6);
    }
  });

  it('is within 10 % of the best arm three inferences after bandwidth fell to a quarter', () => {
    const controller = seasoned(4_000);
    controller.decide(20);
    let plan = controller.decide(21);
    const before = plan.chosen.arm.cut;
    for (let index = 1; index <= 3; index++) {
      transfer(controller, 1_000, 100 * index);
      plan = controller.decide(100 * index + 1);
    }
    const truth = seasoned(1_000).decide(20).candidates;
    const best = Math.min(...truth.map((candidate) => candidate.totalMs));
    expect(plan.chosen.arm.cut).toBeGreaterThan(before);
    expect(truth[plan.chosen.arm.cut]?.totalMs).toBeLessThanOrEqual(best * 1.1);
  });
});

describe('probes', () => {
  /** Asks for a probe twice a second, answers each at `rate`, and decides every half second. */
  function probed(controller: Controller, rate: number, forMs: number): { bytes: number; plan: Plan } {
    let bytes = 0;
    let plan = controller.decide(100);
    for (let atMs = 500; atMs <= forMs; atMs += 500) {
      const probe = controller.probe(atMs);
      if (probe) {
        bytes += probe.numBytes;
        const numBytes = probe.numBytes - 1_024;
        controller.observeTransfer('up', { numBytes, spanMs: numBytes / rate }, atMs + 10);
      }
      plan = controller.decide(atMs + 20);
    }
    return { bytes, plan };
  }

  it('bring a client that went local back to the edge within 5 s of the link getting better', () => {
    const controller = seasoned(40);
    expect(controller.decide(20).chosen.arm.usesEdge).toBe(false);
    const { plan } = probed(controller, 8_000, 5_000);
    expect(plan.chosen.arm.usesEdge).toBe(true);
  });

  it('stay within 64 KB a minute', () => {
    const { bytes, plan } = probed(seasoned(10), 10, 600_000);
    expect(plan.chosen.arm.usesEdge).toBe(false);
    expect(bytes).toBeGreaterThan(10 * 40 * 1024);
    // What was saved up before comes on top, once.
    expect(bytes).toBeLessThanOrEqual(10 * 64 * 1024 + 16 * 1024);
  });

  it('are not sent while transfers measure the link, nor where no link would change the decision', () => {
    const busy = seasoned(1_000);
    busy.decide(20);
    expect(busy.probe(500)).toBeUndefined();
    const fastDevice = seasoned(1_000);
    for (let index = 0; index < 20; index++) fastDevice.observeHead(10, 1, 30 + index);
    fastDevice.decide(60);
    expect(fastDevice.decide(61).chosen.arm.usesEdge).toBe(false);
    expect(fastDevice.probe(60_000)).toBeUndefined();
  });

  it('are not sent without an edge, and not for other policies', () => {
    const apart = seasoned(10);
    apart.decide(20);
    apart.observeConnection(false);
    expect(apart.probe(60_000)).toBeUndefined();
    const other = seasoned(10, 'loadpart');
    other.decide(20);
    expect(other.probe(60_000)).toBeUndefined();
  });
});

describe('trials', () => {
  const BUDGET = 0.05;

  /** Decides every two seconds, tells each trial's outcome if asked to, and counts trials and what they cost. */
  function trials(lateMs: number, isTold: boolean) {
    const controller = new Controller(arms, { explorationBudget: BUDGET });
    controller.observeConnection(true);
    for (const { cut } of arms) controller.setReady(cut, true);
    let count = 0;
    let extraMs = 0;
    let allMs = 0;
    for (let index = 0; index < 400; index++) {
      const atMs = index * 2_100;
      controller.observeTransfer('up', { numBytes: 50_000, spanMs: 12.5, idleMs: 100 }, atMs);
      controller.observeRoundTrip(10, atMs);
      controller.device.observe(320, 80, atMs);
      const { chosen, cause, runnerUp } = controller.decide(atMs);
      const isTrial = cause === 'exploring';
      const insteadMs = Math.min(chosen.totalMs, runnerUp?.totalMs ?? Number.POSITIVE_INFINITY);
      const totalMs = isTrial ? insteadMs + lateMs : chosen.totalMs;
      allMs += insteadMs;
      if (isTrial) {
        count += 1;
        extraMs += lateMs;
      }
      const { cut, codec } = chosen.arm;
      if (isTold) controller.observeOutcome({ cut, codec, totalMs, headMs: 0, queueMs: 0, tailMs: 0 });
    }
    return { count, extraMs, allMs };
  }

  it('cost no more than the budget and one trial, however late they are', () => {
    const { count, extraMs, allMs } = trials(600, true);
    expect(count).toBeGreaterThan(0);
    expect(extraMs).toBeLessThanOrEqual(BUDGET * allMs + 600);
  });

  it('are paid by what they cost: late ones leave less for others than those that were as fast', () => {
    const late = trials(600, true).count;
    const fast = trials(0, true).count;
    const untold = trials(600, false).count;
    expect(late).toBeLessThan(untold);
    expect(untold).toBeLessThan(fast);
  });
});

describe('readiness', () => {
  it('uses the best of what is ready, wishes for the best of all, and says when that is there', () => {
    const controller = seasoned(500);
    const wished = controller.decide(20).chosen.arm.cut;
    for (const { cut } of arms) if (cut !== 0) controller.setReady(cut, false);
    const waiting = controller.decide(21);
    expect(waiting.cause).toBe('not-ready');
    expect(waiting.chosen.arm.cut).toBe(0);
    expect(waiting.wish.arm.cut).toBe(wished);
    expect(waiting.wish.rejected).toBe('not-ready');
    controller.setReady(wished, true);
    const plan = controller.decide(22);
    expect(plan.cause).toBe('ready');
    expect(plan.chosen.arm.cut).toBe(wished);
    expect(controller.decide(23).cause).toBe('steady');
  });

  it('wishes for nothing that must not be prepared, and for the best of what may be', () => {
    const controller = seasoned(500);
    const wished = controller.decide(20).chosen.arm.cut;
    for (const { cut } of arms) if (cut !== 0) controller.setReady(cut, false);
    expect(controller.decide(21).wish.arm.cut).toBe(wished);
    controller.setAttainable(wished, false);
    const plan = controller.decide(22);
    expect(plan.wish.arm.cut).not.toBe(wished);
    expect(plan.candidates.find(({ arm }) => arm.cut === wished)?.rejected).toBe('not-ready');
    for (const { cut } of arms) controller.setAttainable(cut, false);
    expect(controller.decide(23).wish.arm.cut).toBe(0);
    expect(controller.decide(24).chosen.arm.cut).toBe(0);
    controller.setAttainable(wished, true);
    expect(controller.decide(25).wish.arm.cut).toBe(wished);
    controller.setAttainable(wished, false);
    controller.setReady(wished, true);
    expect(controller.decide(26).chosen.arm.cut).toBe(wished);
  });

  it('holds on to a wish that is being prepared when another becomes slightly better', () => {
    const controller = seasoned(700);
    for (const { cut } of arms) if (cut !== 0) controller.setReady(cut, false);
    const random = seeded(2);
    const wishes = new Set<number>();
    for (let index = 0; index < 50; index++) {
      transfer(controller, 700 * (1 + (random() - 0.5) * 0.2), 100 * index);
      wishes.add(controller.decide(100 * index).wish.arm.cut);
    }
    expect(wishes.size).toBeLessThanOrEqual(2);
  });

  it.each(Object.keys(policies) as PolicyName[])(
    'runs something under %s while only full offload is ready',
    (policy) => {
      const controller = seasoned(500, policy);
      for (const { cut } of arms) if (cut !== 0) controller.setReady(cut, false);
      expect(controller.decide(20).chosen.arm.cut).toBe(0);
    },
  );
});

describe('forcing', () => {
  it('uses the nearest listed cut until it is released, and says so', () => {
    const sparse = chainArms(10_000, [
      { headMs: 1, tailMs: 1, bytes: 10_000 },
      { headMs: 1, tailMs: 1, bytes: 10_000 },
    ]).map((arm) => ({ ...arm, cut: arm.cut * 10 }));
    const controller = new Controller(sparse);
    controller.observeConnection(true);
    for (const { cut } of sparse) controller.setReady(cut, true);
    controller.force(12);
    expect(controller.decide(0)).toMatchObject({
      chosen: { arm: { cut: 10 } },
      wish: { arm: { cut: 10 } },
      cause: 'forced',
    });
    controller.force(undefined);
    expect(controller.decide(1).cause).toBe('released');
  });

  it('runs another arm while the forced one is not ready, and wishes for it', () => {
    const controller = seasoned(1_000);
    controller.setReady(7, false);
    controller.force(7);
    const plan = controller.decide(20);
    expect(plan.cause).toBe('forced-unavailable');
    expect(plan.chosen.arm.cut).not.toBe(7);
    expect(plan.wish.arm.cut).toBe(7);
  });

  it('for one inference alone leaves no trace', () => {
    const controller = seasoned(1_000);
    const before = controller.decide(20);
    expect(controller.decide(21, { cut: LOCAL })).toMatchObject({ chosen: { arm: { cut: LOCAL } }, cause: 'forced' });
    expect(controller.decide(22)).toMatchObject({ chosen: { arm: { cut: before.chosen.arm.cut } }, cause: 'steady' });
  });
});

describe('an edge that failed one inference', () => {
  it('is left out of that decision alone', () => {
    const controller = seasoned(4000);
    const usual = controller.decide(20);
    expect(usual.chosen.arm.usesEdge).toBe(true);
    const alone = controller.decide(21, { withoutEdge: true });
    expect(alone).toMatchObject({ cause: 'edge-failed', chosen: { arm: { cut: LOCAL } } });
    expect(alone.candidates.filter(({ rejected }) => rejected === 'edge-failed')).toHaveLength(arms.length - 1);
    expect(controller.decide(22)).toMatchObject({ cause: 'steady', chosen: { arm: usual.chosen.arm } });
  });

  it('leaves nothing to run while the whole network is not ready, forced or not', () => {
    const controller = seasoned(400);
    controller.setReady(LOCAL, false);
    for (const cut of [undefined, LOCAL, 0]) {
      const options = cut === undefined ? {} : { cut };
      expect(() => controller.decide(20, { ...options, withoutEdge: true })).toThrow(/the edge cannot be reached/);
    }
  });
});

describe('the cause', () => {
  /** Decides, lets `change` happen over a second, decides again. */
  function causeOf(uplink: number, change: (controller: Controller, atMs: number) => void): Plan {
    const controller = seasoned(uplink);
    controller.decide(20);
    let plan = controller.decide(21);
    const before = plan.chosen.arm.cut;
    for (let atMs = 100; atMs <= 2_000 && plan.chosen.arm.cut === before; atMs += 100) {
      change(controller, atMs);
      plan = controller.decide(atMs);
    }
    expect(plan.chosen.arm.cut).not.toBe(before);
    return plan;
  }

  it('is the uplink when that moved', () => {
    expect(causeOf(4_000, (c, at) => transfer(c, 200, at)).cause).toBe('uplink-fell');
    expect(causeOf(200, (c, at) => transfer(c, 20_000, at)).cause).toBe('uplink-rose');
  });

  it('is the edge when that became busy, by its load factor or by its queue', () => {
    expect(causeOf(4_000, (c, at) => c.observeLoad({ queueMs: 0, k: 6 }, at)).cause).toBe('edge-busy');
    expect(causeOf(4_000, (c, at) => c.observeLoad({ queueMs: 900, k: 1 }, at)).cause).toBe('edge-busy');
  });

  it('is the device when that became slower', () => {
    expect(causeOf(300, (c, at) => c.observeHead(9, 72 * 16, at)).cause).toBe('device-slower');
  });

  it('is the connection when that went and when it came back', () => {
    const controller = seasoned(4_000);
    controller.decide(20);
    controller.observeConnection(false);
    expect(controller.decide(30)).toMatchObject({ cause: 'disconnected', chosen: { arm: { cut: LOCAL } } });
    controller.observeConnection(true);
    expect(controller.decide(40).cause).toBe('reconnected');
  });

  it('is the policy when that was changed', () => {
    const controller = seasoned(4_000);
    controller.decide(20);
    controller.setPolicy('local');
    expect(controller.decide(21)).toMatchObject({ cause: 'policy', policy: 'local', chosen: { arm: { cut: LOCAL } } });
  });

  it('is the first measurement of what was a default', () => {
    const controller = new Controller(arms);
    controller.observeConnection(true);
    for (const { cut } of arms) controller.setReady(cut, true);
    expect(controller.decide(0).chosen.arm.cut).toBe(0);
    for (let index = 0; index < 3; index++) {
      transfer(controller, 1_250, 10 + index);
      controller.observeHead(5, 20, 10 + index);
    }
    expect(controller.decide(20).cause).toBe('device-measured');
  });
});

describe('corrections from real runs', () => {
  it('leave one arm whose tail is off to itself, and the load factor to the others', () => {
    const controller = seasoned(1_000);
    for (let index = 0; index < 40; index++) {
      controller.observeTail(4, 48 * 1.6, 100 + index * 2);
      controller.observeTail(8, 16, 101 + index * 2);
    }
    const plan = controller.decide(300);
    expect(plan.candidates[4]?.terms.tailMs).toBeGreaterThan(48 * 1.35);
    expect(plan.candidates[8]?.terms.tailMs).toBeLessThan(16 * 1.15);
  });

  it('learn what a codec makes of the content', () => {
    const [first, ...others] = arms;
    if (first === undefined) throw new Error('no arms');
    const jpeg: Arm = { ...first, codec: 'jpeg', bytesUp: 20_000, encodeMs: 4, decodeMs: 2 };
    const controller = new Controller([first, jpeg, ...others]);
    controller.observeConnection(true);
    transfer(controller, 1_000, 0);
    controller.observeHead(5, 160, 0);
    for (let index = 1; index < 10; index++) {
      controller.observeBytes(0, 'jpeg', 30_000, index);
      controller.observeCodec(0, 'jpeg', { encodeMs: 8, decodeMs: 4 }, index);
    }
    const terms = controller.decide(10).candidates[1]?.terms;
    expect(terms?.uploadMs).toBeCloseTo(30, 6);
    expect(Math.abs((terms?.encodeMs ?? 0) - 8)).toBeLessThan(0.4);
    expect(controller.decide(11).candidates[0]?.terms.uploadMs).toBeCloseTo(600, 6);
  });

  it('leave one arm that is off to itself, and the device factor to the others', () => {
    const controller = seasoned(1_000);
    for (let index = 0; index < 40; index++) {
      controller.observeHead(4, 4 * 32 * 1.6, 100 + index * 2);
      controller.observeHead(8, 4 * 64, 101 + index * 2);
    }
    const plan = controller.decide(300);
    expect(plan.candidates[4]?.terms.headMs).toBeGreaterThan(4 * 32 * 1.35);
    expect(plan.candidates[8]?.terms.headMs).toBeLessThan(4 * 64 * 1.15);
  });
});

it('shares link, load and device between controllers that ask for it', () => {
  const first = seasoned(1_000);
  const second = new Controller(arms, { link: first.link, load: first.load, device: first.device });
  expect(second.conditions(20)).toEqual(first.conditions(20));
});
