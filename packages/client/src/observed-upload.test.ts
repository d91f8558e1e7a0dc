import { expect, it } from 'vitest';
import { observedUpload } from './observed-upload.js';
import type { TailReply } from './transport/requests.js';

/** A request of 8 chunks of 1 KiB over 2,000 bytes/ms, 20 ms away, whose tail took 5 ms. */
function reply(spanMs: number, wasAlone = true): TailReply {
  return {
    arrivals: { chunks: 8, numBytes: 7_168, spanMs },
    upIdleMs: 900,
    timings: { totalMs: 5 },
    roundMs: 20 + 4 + 5 + 1,
    downloadMs: 1,
    wasAlone,
  } as unknown as TailReply;
}

it('believes the stamps of the edge when they fit to what the page saw', () => {
  expect(observedUpload(reply(3.6), 8_192, 20)).toMatchObject({ chunks: 8, numBytes: 7_168, spanMs: 3.6, idleMs: 900 });
});

it('does not take chunks that an event loop found together for a fast link', () => {
  const { spanMs } = observedUpload(reply(0.2), 8_192, 20);
  expect(7_168 / spanMs).toBeLessThan(3 * 2_000);
  expect(7_168 / spanMs).toBeGreaterThan(2_000);
});

it('takes the stamps as they are when nothing better is known', () => {
  expect(observedUpload(reply(0.2), 8_192, undefined).spanMs).toBe(0.2);
  expect(observedUpload(reply(0.2, false), 8_192, 20).spanMs).toBe(0.2);
});

it('knows that the last byte left long before the answer came', () => {
  const waited = { ...reply(3.6), timings: { totalMs: 400 }, roundMs: 20 + 4 + 400 + 1 } as unknown as TailReply;
  expect(observedUpload(waited, 8_192, 20).agoMs).toBe(400 + 1 + 20);
});
