import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BYTES_PER_MS_OF_MEGABIT } from '../protocol.js';
import { parseTrace, readTrace } from './trace-files.js';

const recorded = new URL('../../../../../../shared/data/traces/', import.meta.url).pathname;

describe('parseTrace', () => {
  it('reads deliveries of 1,500 bytes', () => {
    const trace = parseTrace('0\n5\n5\n39\n', 'some.up');
    expect(trace.bytesUntil(20)).toBe(4_500);
    expect(trace.bytesUntil(40)).toBe(6_000);
    expect(trace.rateAt(45)).toBe(4_500 / 20);
  });

  it('reads seconds and Mbit/s', () => {
    const trace = parseTrace('10.0\t8\n12.0\t4\n14.0\t0\n', 'some');
    expect(trace.rateAt(1_999)).toBe(8 * BYTES_PER_MS_OF_MEGABIT);
    expect(trace.rateAt(2_001)).toBe(4 * BYTES_PER_MS_OF_MEGABIT);
    expect(trace.rateAt(6_500)).toBe(8 * BYTES_PER_MS_OF_MEGABIT);
  });

  it('names file and line of what is wrong', () => {
    expect(() => parseTrace('1\nten\n', 'bad.up')).toThrow(/Line 2 of 'bad.up'/);
    expect(() => parseTrace('0\t1\n1\tx\n', 'bad')).toThrow(/Line 2 of 'bad'/);
    expect(() => readTrace('/nowhere/at-all')).toThrow(/cannot be read/);
  });

  const isThere = existsSync(recorded);
  if (!isThere) console.warn(`skipped: recorded traces are not at ${recorded}`);
  it.skipIf(!isThere)('reads recorded ones: a mean as their makers state it, some Mbit/s', () => {
    for (const name of ['ATT-LTE-driving.up', 'Verizon-LTE-short.up', 'norway_bus_1', 'norway_train_13']) {
      const { trace } = readTrace(`${recorded}${name}`);
      const megabits = trace.bytesUntil(60_000) / 60_000 / BYTES_PER_MS_OF_MEGABIT;
      expect(megabits).toBeGreaterThan(0.1);
      expect(megabits).toBeLessThan(60);
    }
  });
});
