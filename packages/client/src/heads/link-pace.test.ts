import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { LinkPace } from './link-pace.js';

const settled = () => new Promise((resolve) => setTimeout(resolve));
const KIB = 1024;

let clock: ManualClock;
let pace: LinkPace;
beforeEach(() => {
  clock = new ManualClock();
  pace = new LinkPace(clock);
});

/** What was granted so far, of turns that are asked for one after the other. */
function granted(): number[] {
  const bytes: number[] = [];
  const ask = async (): Promise<void> => {
    bytes.push(await pace.turn());
    if (bytes.at(-1) !== Number.POSITIVE_INFINITY) await ask();
  };
  void ask();
  return bytes;
}

describe('weights, beside inferences', () => {
  it('are not held back while no inference uses the link', async () => {
    expect(await pace.turn()).toBe(Number.POSITIVE_INFINITY);
  });

  it('come a piece for each inference that begins, and without a limit when there was none for a while', async () => {
    let end = pace.begin();
    const bytes = granted();
    await settled();
    expect(bytes).toEqual([]);
    for (let inference = 1; inference <= 3; inference++) {
      end();
      clock.advance(10);
      end = pace.begin();
      await settled();
      expect(bytes).toHaveLength(inference);
    }
    expect(new Set(bytes)).toEqual(new Set([16 * KIB]));
    end();
    // The wait for the next inference, and then what a link is free after.
    clock.advance(1000);
    await settled();
    expect(bytes.at(-1)).toBe(Number.POSITIVE_INFINITY);
  });

  it('do not wait for ever for an inference that is answered late', async () => {
    pace.begin();
    const bytes = granted();
    clock.advance(999);
    await settled();
    expect(bytes).toEqual([]);
    clock.advance(1);
    await settled();
    expect(bytes).toEqual([16 * KIB]);
  });

  it('stop waiting when nobody wants them any more', async () => {
    pace.begin();
    const abort = new AbortController();
    const turn = expect(pace.turn(abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await turn;
  });
});

describe('a piece', () => {
  const next = async (): Promise<number> => {
    const end = pace.begin();
    const turn = pace.turn();
    pace.begin()();
    end();
    return turn;
  };

  it('takes the link 25 ms, by the rate at which the last one came, and is of 16 KiB at least', async () => {
    pace.observe(20_000, { laterBytes: 18_000, gapMs: 9 });
    expect(await next()).toBe(50_000);
    pace.observe(50_000, { laterBytes: 48_000, gapMs: 480 });
    expect(await next()).toBe(16 * KIB);
  });

  it('is twice as large as one that came so fast that it showed no rate', async () => {
    pace.observe(16 * KIB, { laterBytes: 0, gapMs: 0 });
    expect(await next()).toBe(32 * KIB);
    pace.observe(32 * KIB, { laterBytes: 20_000, gapMs: 1 });
    expect(await next()).toBe(64 * KIB);
  });

  it('that is small says nothing: it was the rest of a pack', async () => {
    pace.observe(50_000, { laterBytes: 40_000, gapMs: 10 });
    pace.observe(300, { laterBytes: 0, gapMs: 0 });
    expect(await next()).toBe(100_000);
  });
});
