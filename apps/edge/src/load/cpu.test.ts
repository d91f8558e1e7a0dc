import { describe, expect, it } from 'vitest';
import { availableCpus, cpuUtilisation, createCpuReader, parseCpuMax, parseProcStat } from './cpu.js';

describe('the CPU', () => {
  it('is used as far as two readings tell, never below 0 or above 1', () => {
    const at = (usedMs: number, availableMs: number) => ({ usedMs, availableMs });
    expect(cpuUtilisation(at(0, 0), at(50, 200))).toBe(0.25);
    expect(cpuUtilisation(at(0, 0), at(300, 200))).toBe(1);
    expect(cpuUtilisation(at(9, 9), at(9, 9))).toBe(0);
    expect(cpuUtilisation(at(9, 0), at(5, 9))).toBe(0);
  });

  it('is limited by a container as its cpu.max says', () => {
    expect(parseCpuMax('150000 100000\n')).toBe(1.5);
    expect(parseCpuMax('max 100000\n')).toBeUndefined();
    expect(parseCpuMax('')).toBeUndefined();
  });

  it('of a Linux machine is in the first line of its statistics', () => {
    const text = 'cpu  100 20 30 800 50 5 4 1 90 0\ncpu0 50 10 15 400 25 2 2 0 45 0\nintr 1 2 3\n';
    expect(parseProcStat(text)).toEqual({ usedMs: 1_600, availableMs: 10_100 });
    expect(parseProcStat('')).toBeUndefined();
    expect(parseProcStat('something else')).toBeUndefined();
  });

  it('can be read here', async () => {
    const read = await createCpuReader(() => performance.now());
    const before = await read();
    const until = performance.now() + 60;
    while (performance.now() < until);
    const after = await read();
    expect(after.usedMs).toBeGreaterThanOrEqual(before.usedMs);
    expect(after.availableMs).toBeGreaterThan(before.availableMs);
    expect(await availableCpus()).toBeGreaterThan(0);
  });
});
