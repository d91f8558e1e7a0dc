import { describe, expect, it } from 'vitest';
import { Controller } from './controller.js';
import { explainPlan } from './explain.js';
import type { Cause, Plan } from './plan.js';
import { shrinkingNetwork } from './testing/arms.js';

function planAt(cut: number, cause: Cause, uplink = 262.5): Plan {
  const controller = new Controller(shrinkingNetwork());
  controller.observeConnection(true);
  for (const arm of controller.arms) controller.setReady(arm.cut, true);
  for (let index = 0; index < 5; index++)
    controller.observeTransfer('up', { numBytes: 50_000, spanMs: 50_000 / uplink }, index);
  return { ...controller.decide(5, { cut }), cause };
}

describe('explainPlan', () => {
  it.each([
    [planAt(8, 'uplink-fell'), planAt(2, 'first'), 'uplink fell to 2.1 Mbit/s: 6 more layers stay here'],
    [planAt(2, 'uplink-rose', 5_000), planAt(3, 'first'), 'uplink rose to 40 Mbit/s: 1 fewer layer stays here'],
    [planAt(10, 'disconnected'), planAt(2, 'first'), 'the edge cannot be reached: everything runs here'],
    [
      planAt(0, 'device-slower'),
      planAt(2, 'first'),
      'this device became slower, 2.0 times the profiled head time: everything runs at the edge',
    ],
    [planAt(4, 'steady'), planAt(4, 'first'), 'no better arm: the cut stays at 4'],
    [planAt(4, 'forced'), undefined, 'cut set by hand: cut 4'],
    [
      planAt(4, 'edge-busy'),
      planAt(3, 'first'),
      'the edge is busy (queue 0.0 ms, tails 1.0 times): 1 more layer stays here',
    ],
  ])('says in one line why and what', (plan, previous, line) => {
    expect(explainPlan(plan, previous)).toBe(line);
  });
});
