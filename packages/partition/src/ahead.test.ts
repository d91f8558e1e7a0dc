import { describe, expect, it } from 'vitest';
import type { Arm } from './arm.js';
import type { Ahead } from './conditions.js';
import { Controller } from './controller.js';
import { predict, predictTotal, queueAt, totalOf } from './cost.js';
import { explainPlan } from './explain.js';
import { readRecording, replayRecording } from './recording/recording.js';
import { RecordingWriter } from './recording/recording-writer.js';
import { valuesWith } from './testing/conditions.js';

const base = { headMs: 0, tailMs: 10, bytesDown: 100, usesEdge: true, isPrefix: true };
const whole: Arm = { ...base, cut: 0, codec: 'f32', bytesUp: 20_000 };
const jpeg: Arm = { ...whole, codec: 'jpeg', bytesUp: 2_000, encodeMs: 2 };
const split: Arm = { ...base, cut: 3, codec: 'u8', headMs: 20, tailMs: 5, bytesUp: 5_000, encodeMs: 1 };
const local: Arm = { ...base, cut: 9, codec: 'f32', headMs: 60, tailMs: 0, bytesUp: 0, bytesDown: 0, usesEdge: false };
const AHEAD: Ahead = { headMs: 30, pictureMs: 50, tailMs: 0 };

describe('what this page has under way', () => {
  it('is waited for by whoever needs the same worker, and by nobody else', () => {
    const at = valuesWith({ ahead: AHEAD });
    expect([whole, jpeg, split, local].map((arm) => predict(arm, at).waitMs)).toEqual([0, 50, 30, 30]);
    for (const arm of [whole, jpeg, split, local]) {
      expect(predictTotal(arm, at)).toBeCloseTo(totalOf(predict(arm, at)), 9);
      expect(predictTotal(arm, at)).toBeCloseTo(predictTotal(arm, valuesWith()) + predict(arm, at).waitMs, 9);
    }
  });

  it('lets the queue of the edge go down meanwhile', () => {
    const at = valuesWith({ queueMs: 60, busy: 1 });
    expect(predict(jpeg, { ...at, ahead: AHEAD }).queueMs).toBeCloseTo(predict(jpeg, at).queueMs - 50, 9);
  });

  it('keeps a worker of the edge, as far as the request does not arrive later, and beside what others have there', () => {
    const at = valuesWith({ fixedMs: 4, ahead: { headMs: 0, pictureMs: 0, tailMs: 40 } });
    expect(queueAt(at, 10)).toBe(28);
    expect(queueAt(at, 90)).toBe(0);
    expect(queueAt({ ...at, queueMs: 90, busy: 1 }, 10)).toBe(80);
  });
});

describe('a controller that is told of it', () => {
  let ahead: Ahead | undefined;
  function measured(): Controller {
    ahead = undefined;
    const controller = new Controller([whole, jpeg], { explorationBudget: 0, ahead: () => ahead });
    controller.observeConnection(true);
    controller.observeLoad({ queueMs: 0, k: 1 }, 0);
    for (let index = 0; index < 10; index++) {
      controller.observeTransfer('up', { numBytes: 50_000, spanMs: 50 }, index);
      controller.observeRoundTrip(4, index);
      controller.device.observe(10, 10, index, { correction: 1, wholeMs: 10 });
    }
    return controller;
  }

  it('sends the pixels as they are while pictures wait to be compressed, and says why', () => {
    const controller = measured();
    const before = controller.decide(20);
    expect(before.chosen.arm).toBe(jpeg);
    ahead = { headMs: 0, pictureMs: 80, tailMs: 0 };
    const plan = controller.decide(21);
    expect(plan.chosen.arm).toBe(whole);
    expect(plan.cause).toBe('page-busy');
    expect(explainPlan(plan, before)).toContain('this page is busy (heads 0.0 ms, pictures 80 ms, its tails 0.0 ms)');
    ahead = undefined;
    const after = [22, 23, 24, 25].map((atMs) => controller.decide(atMs)).find(({ cause }) => cause !== 'steady');
    expect(after).toMatchObject({ cause: 'page-idle', chosen: { arm: jpeg } });
  });

  it('has it recorded, and a recording of before it was known decides as it did', () => {
    const controller = measured();
    const writer = new RecordingWriter('2026-01-01T00:00:00.000Z');
    for (const [index, pictureMs] of [0, 80, 80, 0, 0, 3].entries()) {
      ahead = pictureMs === 0 ? undefined : { headMs: 0, pictureMs, tailMs: 0 };
      const plan = controller.decide(20 + index);
      writer.decided('net', 'pixels', plan, controller.lastInput ?? expect.fail('nothing was decided'));
    }
    const text = writer.text();
    const differences = (file: string) => replayRecording(readRecording(file)).map(({ difference }) => difference);
    const none = Array.from({ length: 6 }, () => undefined);
    expect(readRecording(text).decisions[1]?.input.conditions.ahead).toEqual({ headMs: 0, pictureMs: 80, tailMs: 0 });
    expect(differences(text)).toEqual(none);

    // What an earlier version ignores is decided otherwise: it has to refuse the file, and does by its format.
    expect(text).toContain('"cutpoint.recording.v2"');
    const unaware = measured();
    const earlier = new RecordingWriter('2026-01-01T00:00:00.000Z');
    for (let index = 0; index < 6; index++) {
      const plan = unaware.decide(20 + index);
      earlier.decided('net', 'pixels', plan, unaware.lastInput ?? expect.fail('nothing was decided'));
    }
    const v1 = earlier.text().replace('cutpoint.recording.v2', 'cutpoint.recording.v1');
    expect(v1).not.toContain('ahead');
    expect(differences(v1)).toEqual(none);
  });
});
