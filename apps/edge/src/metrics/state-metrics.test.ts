import type { LoadReport } from '@cutpoint/protocol';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { parseExposition, sampleOf } from '../testing/exposition.js';
import { StateMetrics } from './state-metrics.js';

const load: LoadReport = {
  atMs: 0,
  queueDepth: 0,
  queueMs: 0,
  inFlight: 0,
  workers: 1,
  k: {},
  cpuUtilisation: 0,
  gpuUtilisation: null,
};

it('has figures of a GPU while there are any, and of the models that are served now', async () => {
  const registry = new Registry();
  const metrics = new StateMetrics(registry);
  const read = async (more: Partial<LoadReport>) => {
    metrics.set({
      version: '1',
      load: { ...load, ...more },
      busyWorkers: 0,
      openTails: { count: 0, numBytes: 0 },
      heldBytes: 0,
      httpSockets: 0,
      refusedSockets: 0,
    });
    const scraped = parseExposition(await registry.metrics());
    return {
      gpu: sampleOf(scraped, 'cutpoint_gpu_utilization_ratio'),
      memory: sampleOf(scraped, 'cutpoint_gpu_memory_utilization_ratio'),
      factors: scraped.get('cutpoint_load_factor_ratio')?.samples.map(({ labels, value }) => [labels.model, value]),
    };
  };
  const none = { gpu: undefined, memory: undefined, factors: [] };
  expect(await read({})).toEqual(none);
  expect(await read({ gpuUtilisation: 0.5, gpuMemory: 0.25, k: { a: 2 } })).toEqual({
    gpu: 0.5,
    memory: 0.25,
    factors: [['a', 2]],
  });
  expect(await read({ gpuUtilisation: null, gpuMemory: null, k: {} })).toEqual(none);
});
