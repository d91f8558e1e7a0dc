import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateWithoutStalls, slowStartRounds, stallMs, stallsMs } from './slow-start.js';
import { sendAfterIdle } from './testing/slow-sender.js';

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
        expect(modelMs / sendAfterIdle(numBytes, roundTripMs, rate)).toBeCloseTo(1, 6);
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

  it('can be taken out of a measured transfer again, of which only what came after the first chunk was timed', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 2, max: 64 }), roundTrips, rates, (allBytes, chunks, roundTripMs, rate) => {
        const firstBytes = Math.ceil(allBytes / chunks);
        const numBytes = allBytes - firstBytes;
        const spanMs = sendAfterIdle(allBytes, roundTripMs, rate) - sendAfterIdle(firstBytes, roundTripMs, rate);
        const rounds = slowStartRounds(allBytes);
        // Where windows that were waited for hold most of the bytes, the time says next to nothing of the rate.
        fc.pre(numBytes / rate > spanMs / 10 && 14_600 * (2 ** rounds - 1) < 0.9 * numBytes);
        const part = { numBytes, spanMs, roundsBefore: slowStartRounds(firstBytes), rounds, roundTripMs };
        expect(rateWithoutStalls(part) / rate).toBeCloseTo(1, 3);
      }),
    );
  });

  it('changes nothing where no round trip is known', () => {
    const part = { numBytes: 100_000, spanMs: 100, roundsBefore: 0, rounds: 3, roundTripMs: 0 };
    expect(rateWithoutStalls(part)).toBe(1_000);
  });
});
