import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INITIAL_WINDOW_BYTES, rateWithoutStalls, slowStartRounds, stallMs, stallsMs } from './slow-start.js';

/** Sends byte ranges window by window, as a sender does: a window may go out once the one before is acknowledged. */
function simulate(numBytes: number, roundTripMs: number, bytesPerMs: number): number {
  let sent = 0;
  let lineFreeAtMs = 0;
  let windowOpensAtMs = 0;
  for (let window = INITIAL_WINDOW_BYTES; sent < numBytes; window *= 2) {
    const startMs = Math.max(lineFreeAtMs, windowOpensAtMs);
    const part = Math.min(window, numBytes - sent);
    lineFreeAtMs = startMs + part / bytesPerMs;
    // The first byte of this window is acknowledged a round trip after it left; from then on the next may go out.
    windowOpensAtMs = startMs + roundTripMs;
    sent += part;
  }
  return lineFreeAtMs;
}

const roundTrips = fc.double({ min: 1, max: 300, noNaN: true });
const rates = fc.double({ min: 10, max: 20_000, noNaN: true });
const sizes = fc.integer({ min: 1, max: 5_000_000 });

describe('slow start', () => {
  it('needs a round for each window before the last', () => {
    expect(slowStartRounds(14_600)).toBe(0);
    expect(slowStartRounds(14_601)).toBe(1);
    expect(slowStartRounds(3 * 14_600)).toBe(1);
    expect(slowStartRounds(3 * 14_600 + 1)).toBe(2);
    expect(slowStartRounds(600_000)).toBe(5);
  });

  it('takes as long as a sender that sends window by window', () => {
    fc.assert(
      fc.property(sizes, roundTrips, rates, (numBytes, roundTripMs, rate) => {
        const modelMs = numBytes / rate + stallMs(slowStartRounds(numBytes), roundTripMs, rate);
        expect(modelMs / simulate(numBytes, roundTripMs, rate)).toBeCloseTo(1, 6);
      }),
    );
  });

  it('is the same by table and by sum', () => {
    fc.assert(
      fc.property(roundTrips, rates, fc.integer({ min: 0, max: 13 }), (roundTripMs, rate, rounds) => {
        expect(stallsMs(roundTripMs, rate)[rounds]).toBeCloseTo(stallMs(rounds, roundTripMs, rate), 6);
      }),
    );
  });

  it('can be taken out of a measured transfer again', () => {
    fc.assert(
      fc.property(sizes, roundTrips, rates, (numBytes, roundTripMs, rate) => {
        const spanMs = numBytes / rate + stallMs(slowStartRounds(numBytes), roundTripMs, rate);
        // Where windows that were waited for hold most of the bytes, the time says next to nothing of the rate.
        fc.pre(numBytes / rate > spanMs / 10 && 14_600 * (2 ** slowStartRounds(numBytes) - 1) < 0.9 * numBytes);
        expect(rateWithoutStalls(numBytes, spanMs, slowStartRounds(numBytes), roundTripMs) / rate).toBeCloseTo(1, 3);
      }),
    );
  });

  it('changes nothing where no round trip is known', () => {
    expect(rateWithoutStalls(100_000, 100, 3, 0)).toBe(1_000);
  });
});
