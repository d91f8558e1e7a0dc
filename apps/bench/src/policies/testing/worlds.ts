import { RateTrace } from '../link/rate-trace.js';
import { BURSTY, LOADS, NETWORKS } from '../protocol.js';
import { type Cell, World } from '../run/cell.js';
import { syntheticProfile } from './synthetic-profile.js';

/** A small cell over made-up profiles: idle, half busy, full, bursty, some seconds each. */
export function smallWorld(changed: Partial<Cell> = {}): World {
  const up = RateTrace.constant(1_000);
  const loads = [...LOADS.filter(({ name }) => ['idle', '50%', '100% heavy'].includes(name)), BURSTY];
  return new World(
    {
      network: 0,
      link: { name: 'test', roundTripMs: 20, up, down: up.scaled(2) },
      loads,
      stepMs: 6_000,
      device: 'small-board',
      edge: 'gpu-scaled',
      seed: 1,
      ...changed,
    },
    NETWORKS.map(syntheticProfile),
  );
}
