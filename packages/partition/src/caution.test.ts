import { describe, expect, it } from 'vitest';
import { cautious, DEADLINE_RISK, QUEUE_DOUBT } from './caution.js';
import { predictTotal, valuesOf } from './cost.js';
import { shrinkingNetwork } from './testing/arms.js';
import { conditionsOf, valuesWith } from './testing/conditions.js';

const [offload] = shrinkingNetwork();

describe('caution', () => {
  const sure = conditionsOf(valuesWith({ queueMs: 300, residualMs: 5 }));
  const unsure = { ...sure, uplink: { ...sure.uplink, uncertainty: 400 }, k: { ...sure.k, uncertainty: 0.5 } };

  it('is none without risk', () => {
    expect(cautious(unsure, 0)).toEqual(valuesOf(unsure));
  });

  it('takes what is not sure for the worse, the more the greater the risk, and leaves what is sure', () => {
    const [little, much] = [cautious(unsure, 0.1), cautious(unsure, DEADLINE_RISK)];
    expect(little.uplink).toBeLessThan(unsure.uplink.value);
    expect(much.uplink).toBeLessThan(little.uplink);
    expect(much.k).toBeGreaterThan(little.k);
    expect(much.d).toBe(unsure.d.value);
  });

  it('doubts that a queue hides an upload, as much for a deadline as for a choice', () => {
    if (offload === undefined) throw new Error('no arm');
    expect(cautious(sure, 0.1).queueDoubt).toBe(QUEUE_DOUBT);
    expect(cautious(sure, DEADLINE_RISK).queueDoubt).toBe(QUEUE_DOUBT);
    const early = { ...offload, bytesUp: 50_000 };
    const late = { ...offload, bytesUp: 150_000 };
    const at = cautious(sure, 0.1);
    expect(predictTotal(early, valuesOf(sure))).toBeCloseTo(predictTotal(late, valuesOf(sure)), 6);
    expect(predictTotal(late, at) - predictTotal(early, at)).toBeCloseTo(QUEUE_DOUBT * 100, 6);
  });
});
