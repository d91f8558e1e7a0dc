import { afterAll, describe, expect, test } from 'vitest';
import { graphOf } from '../graph-index.js';
import { decodeModel, encodeModel, type Model } from '../model.js';
import { randomTensor, seededRandom } from '../random.js';
import { openTestRuntime } from '../testing/node-runtime.js';
import { benchmarkNetworks, isBenchmarkNetworkName } from './benchmark-networks.js';
import { countParameters } from './count-parameters.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

describe('benchmark networks', () => {
  test.each([
    ['alexnet', 61_100_840],
    ['squeezenet', 1_235_496],
    ['vgg16', 138_357_544],
    ['resnet18', 11_689_512],
    ['resnet50', 25_557_032],
    ['xception', 22_855_952],
  ] as const)('%s has the %i parameters of its publication', (name, published) => {
    const network = benchmarkNetworks[name];
    expect(network.parameters).toBe(published);
    expect(countParameters(network.build({ fill: false }))).toBe(published);
  });

  test.each(['squeezenet', 'resnet18', 'xception'] as const)(
    '%s runs, and its answers are sane numbers',
    async (name) => {
      const { input, answers, build } = benchmarkNetworks[name];
      const session = await runtime.open(encodeModel(build()));
      const feed = randomTensor('float32', input.dims, seededRandom(3));
      const [output] = Object.values(await session.run({ [input.name]: feed }));
      await session.release();
      expect(output?.dims).toEqual([1, 1000]);
      const bytes = output?.bytes.slice() ?? new Uint8Array();
      const values = [...new Float32Array(bytes.buffer)];
      const sum = values.reduce((total, value) => total + value, 0);
      const meanSquare = values.reduce((total, value) => total + value * value, 0) / values.length;
      if (answers === 'softmax') {
        expect(sum).toBeCloseTo(1, 4);
        // Far from "one class has it all": every class has some share.
        expect(Math.min(...values)).toBeGreaterThan(1e-8);
      } else {
        expect(Math.sqrt(meanSquare)).toBeGreaterThan(1e-2);
        expect(Math.sqrt(meanSquare)).toBeLessThan(1e2);
      }
    },
  );

  test('the same seed gives the same bytes, another seed others', () => {
    const { build } = benchmarkNetworks.squeezenet;
    const first = encodeModel(build({ seed: 7 }));
    expect(Buffer.compare(encodeModel(build({ seed: 7 })), first)).toBe(0);
    expect(Buffer.compare(encodeModel(build({ seed: 8 })), first)).not.toBe(0);
  });

  test('weights in a file of their own are the same ones', () => {
    const { build, buildApart } = benchmarkNetworks.squeezenet;
    const apart = buildApart({ seed: 7 });
    const file = Buffer.concat([...apart.weights()]);
    const bytes = encodeModel(apart.model('weights'));
    expect(bytes.length).toBeLessThan(30_000);
    const externalData = (location: string) => (location === 'weights' ? file : undefined);
    const whole = decodeModel(bytes, { externalData });
    const weightsOf = (model: Model) => graphOf(model).initializer.map(({ rawData }) => Buffer.from(rawData));
    const inline = weightsOf(build({ seed: 7 }));
    expect(weightsOf(whole).every((weight, i) => inline[i]?.equals(weight))).toBe(true);
  });

  test('no two weights of a network are alike', () => {
    const { initializer } = graphOf(benchmarkNetworks.squeezenet.build());
    const starts = initializer
      .filter(({ dims }) => dims.length === 4)
      .map(({ rawData }) => String(rawData.slice(0, 16)));
    expect(new Set(starts).size).toBe(starts.length);
  });

  test('only names of the six are taken for one', () => {
    expect(isBenchmarkNetworkName('vgg16')).toBe(true);
    expect(isBenchmarkNetworkName('toString')).toBe(false);
  });
});
