import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateTrace } from './rate-trace.js';

const steps = [
  { startMs: 0, rate: 100 },
  { startMs: 10, rate: 0 },
  { startMs: 30, rate: 400 },
];

describe('RateTrace', () => {
  it('adds up what passes, outages and repetition included', () => {
    const trace = new RateTrace(steps, 40);
    expect(trace.bytesUntil(5)).toBe(500);
    expect(trace.bytesUntil(25)).toBe(1000);
    expect(trace.bytesUntil(40)).toBe(5000);
    expect(trace.bytesUntil(85)).toBe(10_500);
    expect(trace.finishAt(5, 600)).toBe(30.25);
    expect(trace.finishAt(35, 2_500)).toBe(45);
  });

  it('finishes at the end of a segment, not after the outage behind it', () => {
    expect(new RateTrace(steps, 40).finishAt(0, 1_000)).toBe(10);
  });

  it('lets pass between start and finish exactly what was sent', () => {
    const segment = fc.record({ stayMs: fc.integer({ min: 1, max: 500 }), rate: fc.integer({ min: 0, max: 2_000 }) });
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 5_000, noNaN: true }),
        fc.integer({ min: 1, max: 2_000_000 }),
        (parts, startMs, numBytes) => {
          let atMs = 0;
          const segments = parts.map(({ stayMs, rate }, index) => {
            const entry = { startMs: atMs, rate: index === 0 ? rate + 1 : rate };
            atMs += stayMs;
            return entry;
          });
          const trace = new RateTrace(segments, atMs);
          const finishMs = trace.finishAt(startMs, numBytes);
          expect(trace.bytesUntil(finishMs) - trace.bytesUntil(startMs)).toBeCloseTo(numBytes, 1);
        },
      ),
    );
  });

  it('knows the recent rate, and looks further back in an outage', () => {
    const trace = new RateTrace(steps, 40);
    expect(trace.recentRate(10, 5)).toBe(100);
    expect(trace.recentRate(22, 8)).toBe((100 * 4) / 16);
  });

  it('refuses a trace on which nothing passes', () => {
    expect(() => new RateTrace([{ startMs: 0, rate: 0 }], 10)).toThrow(RangeError);
  });
});
