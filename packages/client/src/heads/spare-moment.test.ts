import { describe, expect, it } from 'vitest';
import { Overlap } from '../overlap.js';
import { ManualClock } from '../testing/manual-clock.js';
import { spareMoment } from './spare-moment.js';

const settled = () => new Promise((resolve) => setTimeout(resolve));

async function passed(clock: ManualClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step++) {
    clock.advance(1);
    await settled();
  }
}

describe('a moment to spare', () => {
  it('is now where no inference is under way', async () => {
    expect(await spareMoment(new ManualClock(), new Overlap(), 100)).toBe(true);
  });

  it('comes when the inferences under way have ended', async () => {
    const [clock, inferences] = [new ManualClock(), new Overlap()];
    const ends = [inferences.begin(), inferences.begin()];
    let found: boolean | undefined;
    const moment = spareMoment(clock, inferences, 100).then((isSpare) => {
      found = isSpare;
    });
    await passed(clock, 20);
    ends[0]?.();
    await passed(clock, 20);
    expect(found).toBeUndefined();
    ends[1]?.();
    await passed(clock, 10);
    expect(found).toBe(true);
    await moment;
  });

  it('is not waited for longer than is said', async () => {
    const [clock, inferences] = [new ManualClock(), new Overlap()];
    inferences.begin();
    let found: boolean | undefined;
    const moment = spareMoment(clock, inferences, 100).then((isSpare) => {
      found = isSpare;
    });
    await passed(clock, 99);
    expect(found).toBeUndefined();
    await passed(clock, 10);
    expect(found).toBe(false);
    await moment;
  });
});
