import { benchmarkNetworks, encodeModel, randomTensor, seededRandom } from '@cutpoint/onnx';
import { expect, test } from 'vitest';
import { LEAST_RUNS } from './device.js';
import { withNodeOrt } from './node-ort.js';

const { build, input } = benchmarkNetworks.squeezenet;

test('a network is profiled node by node and run by run', async () => {
  const graph = { bytes: encodeModel(build()), packs: [] };
  const feeds = { [input.name]: randomTensor('float32', input.dims, seededRandom(1)) };
  await withNodeOrt(async (ort) => {
    const events = await ort.profile(graph, feeds, { level: 'basic', runs: 2 });
    const convolutions = events.filter(({ opType }) => opType === 'Conv');
    expect(convolutions.length).toBe(2 * 26);
    expect(convolutions[0]?.inputs[0]).toEqual(input.dims);
    expect(events.every(({ durationMs }) => durationMs >= 0)).toBe(true);
    // However small the budget, a figure has a few runs behind it.
    expect(await ort.time(graph, feeds, { runs: 5, budgetMs: 0 })).toHaveLength(LEAST_RUNS);
  });
});
