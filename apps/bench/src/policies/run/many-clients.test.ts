import type { PolicyName } from '@cutpoint/partition';
import { describe, expect, it } from 'vitest';
import { readProfiles } from '../profile-file.js';
import { NETWORKS } from '../protocol.js';
import { manyClients } from './many-clients.js';

const SETUP = {
  profiles: readProfiles(NETWORKS),
  networks: NETWORKS.map((_, index) => index),
  device: 'small-board',
  edge: 'gpu-scaled',
  clients: { count: 64, durationMs: 30_000, seeds: [1] },
} as const;

function crowd(policy: PolicyName, load: string) {
  return manyClients(SETUP, { kind: 'policy', policy }, load, 1);
}

describe('64 clients of one edge', () => {
  const BASELINES = ['local', 'offload', 'offload-compressed', 'neurosurgeon', 'loadpart', 'dads', 'ans'] as const;
  const ours = crowd('cutpoint', '70%');

  it.each(BASELINES)('have a p95 that is no worse than with %s for all', (policy) => {
    expect(ours.p95Ms).toBeLessThanOrEqual(crowd(policy, '70%').p95Ms);
  });

  it('do not move to and fro together', () => {
    expect(ours.offloadingMean).toBeGreaterThan(5);
    expect(ours.offloadingMean).toBeLessThan(60);
    expect(ours.offloadingDeviation).toBeLessThan(0.06);
    expect(ours.largestSwing).toBeLessThan(0.2);
    expect(ours.oscillation).toBeGreaterThan(-0.6);
    expect(ours.switchShare).toBeLessThan(0.08);
  });

  it('are at most a hundredth slower than compressed offload at an edge that is idle but for them', () => {
    expect(crowd('cutpoint', 'idle').p95Ms).toBeLessThanOrEqual(1.01 * crowd('offload-compressed', 'idle').p95Ms);
  });

  it('are the same for the same seed', () => {
    expect(crowd('cutpoint', '70%')).toEqual(ours);
  });
});
