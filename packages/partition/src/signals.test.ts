import { describe, expect, it } from 'vitest';
import { Controller } from './controller.js';
import { SIGNALS, type Signal, without } from './signals.js';
import { shrinkingNetwork } from './testing/arms.js';

const arms = shrinkingNetwork();

function controllerWithout(signals: readonly Signal[]): Controller {
  const controller = new Controller(arms, { without: without(signals) });
  controller.observeConnection(true);
  for (const { cut } of arms) controller.setReady(cut, true);
  for (let index = 0; index < 6; index++) {
    controller.observeTransfer('up', { numBytes: 50_000, spanMs: 500, idleMs: 900 }, index);
    controller.observeTransfer('down', { numBytes: 50_000, spanMs: 10 }, index);
    controller.observeRoundTrip(80, index);
    controller.observeHead(5, 320, index);
    controller.observeTail(5, 200, index);
    controller.observeLoad({ queueMs: 400, k: 5, busy: 0.8, residualMs: 30 }, index);
  }
  return controller;
}

describe('an ablation', () => {
  const whole = controllerWithout([]).conditions(1_000);

  it.each([
    ['uplink', 'uplink', 1_250],
    ['fixed', 'fixedMs', 20],
    ['queue', 'queueMs', 0],
    ['k', 'k', 1],
    ['d', 'd', 2],
  ] as const)('without %s has its default there, and everything else as it is', (signal, field, value) => {
    const conditions = controllerWithout([signal]).conditions(1_000);
    expect(conditions[field].value).toBe(value);
    expect(whole[field].value).not.toBe(value);
    for (const other of ['uplink', 'fixedMs', 'queueMs', 'k', 'd'] as const) {
      if (other !== field) expect(conditions[other]).toEqual(whole[other]);
    }
  });

  it('without slow start takes every window to be open', () => {
    expect(whole.slowStartMs).toBe(80);
    expect(controllerWithout(['slow-start']).conditions(1_000).slowStartMs).toBe(0);
  });

  it('without corrections believes the profile', () => {
    const seen = controllerWithout([]);
    const blind = controllerWithout(['corrections']);
    for (const controller of [seen, blind]) {
      for (let index = 0; index < 20; index++) {
        controller.observeHead(4, 8 * 32 * 1.6, 10 + 2 * index);
        controller.observeHead(8, 8 * 64, 11 + 2 * index);
      }
    }
    const headMs = (controller: Controller) => controller.decide(100).candidates[4]?.terms.headMs ?? 0;
    const blindRatio = (blind.decide(100).candidates[8]?.terms.headMs ?? 0) / headMs(blind);
    expect(blindRatio).toBeCloseTo(2, 6);
    expect(headMs(seen)).toBeGreaterThan(1.2 * headMs(blind));
  });

  it('decides with each signal taken away', () => {
    for (const signal of SIGNALS) expect(controllerWithout([signal]).decide(1_000).chosen.totalMs).toBeGreaterThan(0);
  });
});
