import { describe, expect, it } from 'vitest';
import { markovTrace } from '../link/markov-trace.js';
import { RateTrace } from '../link/rate-trace.js';
import { LTE, PERIODIC_PROBE } from '../protocol.js';
import { smallWorld } from '../testing/worlds.js';
import type { Contestant } from './contestant.js';
import { simulate } from './simulate.js';

const CONTESTANTS: readonly Contestant[] = [
  { kind: 'policy', policy: 'cutpoint' },
  { kind: 'policy', policy: 'loadpart' },
  { kind: 'policy', policy: 'offload-compressed' },
  { kind: 'policy', policy: 'local' },
  { kind: 'informed' },
  { kind: 'clairvoyant' },
];
const JUDGED = { armSet: 'all', judged: true } as const;

describe('simulate', () => {
  it('repeats itself for the same seed, and not for another', () => {
    const run = (seed: number) => simulate(smallWorld({ seed }), { kind: 'policy', policy: 'cutpoint' }, JUDGED);
    expect(run(1)).toEqual(run(1));
    expect(run(2).records.map(({ latencyMs }) => latencyMs)).not.toEqual(
      run(1).records.map(({ latencyMs }) => latencyMs),
    );
  });

  const up = markovTrace(LTE, 3);
  const worlds = [
    ['a constant link', smallWorld()],
    ['a mobile link', smallWorld({ link: { name: 'LTE', roundTripMs: 50, up, down: up.scaled(2) }, network: 1 })],
  ] as const;
  describe.each(worlds)('on %s', (_name, world) => {
    it.each(CONTESTANTS)('never beats the clairvoyant oracle at any decision: %o', (contestant) => {
      const { records } = simulate(world, contestant, JUDGED);
      const counted = records.filter(({ phase }) => phase > 0);
      expect(counted.length).toBeGreaterThan(20);
      for (const { latencyMs, verdict } of counted) {
        expect(latencyMs).toBeGreaterThanOrEqual((verdict?.clairvoyantMs ?? Number.NaN) - 1e-6);
      }
    });

    it.each(CONTESTANTS)('never beats the informed oracle in expectation: %o', (contestant) => {
      const { records } = simulate(world, contestant, JUDGED);
      for (const { verdict } of records) {
        if (verdict === undefined) continue;
        expect(verdict.chosenExpectedMs).toBeGreaterThanOrEqual(verdict.informedExpectedMs - 1e-6);
      }
    });

    it('takes exactly what the oracle says of the arm that is chosen, waiting and downlink included', () => {
      // Of the clairvoyant's own arm the oracle said beforehand what it would take.
      const { records } = simulate(world, { kind: 'clairvoyant' }, JUDGED);
      for (const { latencyMs, verdict, phase } of records) {
        if (phase > 0) expect(latencyMs).toBeCloseTo(verdict?.clairvoyantMs ?? Number.NaN, 6);
      }
    });
  });

  it('lets somebody who knows the state do no worse than somebody who does not, in the mean', () => {
    const mean = (contestant: Contestant) => {
      const { records } = simulate(smallWorld({ stepMs: 15_000 }), contestant, { armSet: 'all', judged: false });
      return records.reduce((sum, { latencyMs }) => sum + latencyMs, 0) / records.length;
    };
    const informedMs = mean({ kind: 'informed' });
    for (const policy of ['local', 'offload', 'offload-compressed', 'neurosurgeon', 'loadpart'] as const) {
      expect(mean({ kind: 'policy', policy })).toBeGreaterThan(informedMs);
    }
  });

  it('probes a silent link for policies whose papers do so, every five seconds, and counts the bytes', () => {
    const up = RateTrace.constant(300);
    const world = smallWorld({ stepMs: 10_000, link: { name: 'slow', roundTripMs: 20, up, down: up.scaled(2) } });
    const run = (policy: 'loadpart' | 'local') =>
      simulate(world, { kind: 'policy', policy }, { armSet: 'same', judged: false });
    const { probes, probeBytes, records } = run('loadpart');
    expect(new Set(records.slice(-5).map(({ bytesUp }) => bytesUp))).toEqual(new Set([0]));
    expect(probes).toBeGreaterThanOrEqual(3);
    expect(probes).toBeLessThanOrEqual(world.endMs / PERIODIC_PROBE.afterSilenceMs);
    expect(probeBytes).toBe(probes * PERIODIC_PROBE.numBytes);
    expect(run('local').probes).toBe(0);
  });

  it('asks one inference at a time, half a second apart or later', () => {
    const { records } = simulate(
      smallWorld(),
      { kind: 'policy', policy: 'offload' },
      { armSet: 'same', judged: false },
    );
    for (const [index, { startMs }] of records.entries()) {
      const before = records[index - 1];
      if (before === undefined) continue;
      expect(startMs).toBeCloseTo(Math.max(before.startMs + 500, before.startMs + before.latencyMs), 6);
    }
  });
});
