import type { Analysis, RuntimeTensor } from '@cutpoint/onnx';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../models/config.js';
import { floatsOf } from '../../ort/tensors.js';
import type { BuiltVariant } from '../build-variant.js';
import { calibrationInputs } from './calibration-feeds.js';

const pixels: NonNullable<ModelConfig['pixels']> = {
  input: 'x',
  channels: 'bgr',
  mean: [10, 20, 30],
  std: [1, 2, 4],
  sizes: [[4, 6]],
  fit: 'cover',
  pad: [0, 0, 0],
};
/** One colour everywhere, so that a view of it is that colour and the noise. */
const picture = {
  rgb: Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => [200, 100, 50][i % 3] ?? 0),
  height: 20,
  width: 20,
};

function variant(type: 'float32' | 'float16' | 'uint8', dims: readonly number[], more: object): BuiltVariant {
  const inputs: Analysis['inputs'] = [
    { name: type === 'uint8' ? 'image' : 'x', type, dims, numBytes: 0, dynamic: false },
  ];
  return { analysis: { inputs } as unknown as Analysis, cuts: [], notes: [], ...more } as unknown as BuiltVariant;
}
const tensors = { planned: { kind: 'tensors', id: 'tensors', dims: {} } };
const pixelVariant = { planned: { kind: 'pixels', id: 'p' }, pixels: { input: 'image', outputs: { type: 'tensors' } } };

const meanOf = (values: ArrayLike<number>, start: number, step: number, count: number) =>
  Array.from({ length: count }, (_, i) => values[start + i * step] ?? Number.NaN).reduce((a, b) => a + b, 0) / count;

function feed(of: BuiltVariant, name: string, index = 0): RuntimeTensor {
  const tensor = calibrationInputs(of, { pixels }, [picture]).feeds(index)[name];
  if (tensor === undefined) throw new Error(`no ${name}`);
  return tensor;
}

describe('calibration inputs', () => {
  it('of a pixel variant are the pixels of a picture', () => {
    const { type, dims, bytes } = feed(variant('uint8', [8, 12, 3], pixelVariant), 'image');
    expect([type, dims, bytes.length]).toEqual(['uint8', [8, 12, 3], 288]);
    expect([0, 1, 2].map((channel) => Math.round(meanOf(bytes, channel, 3, 96) / 10))).toEqual([20, 10, 5]);
  });

  it.each(['float32', 'float16'] as const)(
    'of a %s variant are the same picture, normalised as the config says',
    (type) => {
      const values = floatsOf(feed(variant(type, [1, 3, 8, 12], tensors), 'x'));
      // BGR: (50 - 10) / 1, (100 - 20) / 2, (200 - 30) / 4.
      const means = [0, 1, 2].map((channel) => meanOf(values, channel * 96, 1, 96));
      for (const [channel, expected] of [40, 40, 42.5].entries()) {
        expect(Math.abs((means[channel] ?? 0) - expected)).toBeLessThan(1.5);
      }
    },
  );

  it('differ from one to the next, and are the same the next time', () => {
    const of = variant('uint8', [8, 12, 3], pixelVariant);
    expect(feed(of, 'image', 1)).toEqual(feed(of, 'image', 1));
    expect(feed(of, 'image', 1)).not.toEqual(feed(of, 'image', 2));
  });

  it('are noise, and say so, where no picture goes in or none is there', () => {
    const kind = (of: BuiltVariant, config: Pick<ModelConfig, 'pixels'>, pictures = [picture]) =>
      calibrationInputs(of, config, pictures).kind;
    const image = variant('float32', [1, 3, 8, 12], tensors);
    expect(kind(image, { pixels })).toBe('pictures');
    expect(kind(image, {})).toBe('noise');
    expect(kind(image, { pixels }, [])).toBe('noise');
    expect(kind(variant('float32', [1, 9], tensors), { pixels })).toBe('noise');
  });
});
