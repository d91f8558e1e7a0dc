import { existsSync, readFileSync } from 'node:fs';
import { LinkEstimator } from '@cutpoint/partition';
import { describe, expect, it } from 'vitest';

const traces = new URL('../../../../shared/data/traces/', import.meta.url).pathname;
const haveTraces = existsSync(traces);
if (!haveTraces) console.warn(`skipped: recorded links are not at ${traces}`);

/** Arrival of each byte of a transfer over `seconds<TAB>Mbit/s` lines, in steps of a ms. */
function transferMs(ratesBytesPerMs: readonly number[], numBytes: number, atMs: number): number {
  let left = numBytes;
  for (let passedMs = 0; ; passedMs++) {
    const second = Math.floor((atMs + passedMs) / 1_000) % ratesBytesPerMs.length;
    const rate = Math.max(0.5, ratesBytesPerMs[second] ?? 0);
    if (left <= rate) return passedMs + left / rate;
    left -= rate;
  }
}

/** Each half second one transfer of 20 to 60 KB, predicted from those before: relative errors of its time. */
function errorsOver(ratesBytesPerMs: readonly number[]): number[] {
  const link = new LinkEstimator();
  const errors: number[] = [];
  for (let atMs = 0; atMs < 300_000; atMs += 500) {
    const numBytes = 20_000 + ((atMs * 7_919) % 40_000);
    const realMs = transferMs(ratesBytesPerMs, numBytes, atMs);
    if (atMs > 2_000) errors.push(Math.abs(numBytes / link.estimate(atMs).value - realMs) / realMs);
    link.observe({ numBytes, spanMs: realMs }, atMs + realMs);
  }
  return errors.sort((a, b) => a - b);
}

describe.skipIf(!haveTraces)('the uplink estimate over links that were recorded on the move', () => {
  it.each([
    ['norway_bus_1', 0.05, 0.25],
    ['norway_train_13', 0.1, 0.4],
  ])('%s: the next transfer is predicted within %f in the median, %f in nine of ten', (name, median, p90) => {
    const rates = readFileSync(`${traces}${name}`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (Number(line.split('\t')[1]) * 1_000) / 8);
    const errors = errorsOver(rates);
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(median);
    expect(errors[Math.floor(errors.length * 0.9)]).toBeLessThan(p90);
  });
});
