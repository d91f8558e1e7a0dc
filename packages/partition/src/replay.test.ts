import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Controller } from './controller.js';
import { POLICY_NAMES } from './policies/registry.js';
import { readDecision, recordDecision, replayDecision } from './replay.js';
import { shrinkingNetwork } from './testing/arms.js';

const arms = shrinkingNetwork();
const rates = fc.double({ min: 5, max: 50_000, noNaN: true });
const loads = fc.record({
  queueMs: fc.double({ min: 0, max: 900, noNaN: true }),
  k: fc.double({ min: 0.5, max: 20, noNaN: true }),
  announcedMs: fc.double({ min: 0, max: 300, noNaN: true }),
  busy: fc.double({ min: 0, max: 1.2, noNaN: true }),
  residualMs: fc.double({ min: 0, max: 50, noNaN: true }),
  gpuUtilisation: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  clients: fc.integer({ min: 1, max: 64 }),
});

it('gives the same plan for the same record, whatever had happened before', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...POLICY_NAMES),
      fc.array(fc.tuple(rates, loads, fc.nat(10), fc.boolean()), { minLength: 1, maxLength: 30 }),
      fc.option(fc.integer({ min: 0, max: 10 })),
      (policy, events, forced) => {
        const controller = new Controller(arms, { policy, seed: 7, constraints: { deadlineMs: 300 } });
        controller.observeConnection(true);
        for (const { cut } of arms) controller.setReady(cut, true);
        let plan = controller.decide(0);
        if (forced !== null) controller.force(forced);
        for (const [index, [rate, load, cut, connected]] of events.entries()) {
          const atMs = 400 * (index + 1);
          controller.observeConnection(connected);
          controller.observeTransfer('up', { numBytes: 40_000, spanMs: 40_000 / rate, idleMs: 300 }, atMs);
          controller.observeRoundTrip(20, atMs);
          controller.observeHead(cut, 30, atMs);
          controller.observeTail(cut, 10, atMs);
          controller.observeLoad(load, atMs);
          plan = controller.decide(atMs);
        }
        const input = controller.lastInput;
        if (input === undefined) throw new Error('nothing was decided');
        const record = recordDecision(input);
        expect(JSON.parse(record)).toBeTypeOf('object');
        // Spreading reads the record of every arm.
        expect({ ...replayDecision(record) }).toEqual({ ...plan });
        expect(recordDecision(readDecision(record))).toBe(record);
      },
    ),
    { numRuns: 60 },
  );
});

it('keeps what JSON has no word for', () => {
  const controller = new Controller(arms);
  controller.observeConnection(true);
  const plan = controller.decide(5);
  const input = controller.lastInput;
  if (input === undefined) throw new Error('nothing was decided');
  expect(input.uplinkAllowance).toBe(Number.POSITIVE_INFINITY);
  expect(replayDecision(recordDecision(input)).conditions).toEqual(plan.conditions);
});

it('refuses what is no record', () => {
  expect(() => replayDecision('{')).toThrow(SyntaxError);
});
