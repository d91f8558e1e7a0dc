import {
  countElements,
  pictureView,
  type RgbPicture,
  type RuntimeTensor,
  type RuntimeTensors,
  seededRandom,
  type TensorDescription,
  toHalf,
} from '@cutpoint/onnx';
import type { Calibration } from '@cutpoint/protocol';
import type { ModelConfig } from '../../models/config.js';
import type { BuiltVariant } from '../build-variant.js';
import { randomFeeds } from '../random-feeds.js';

/** Inputs to try codecs on, the same ones every time. */
export interface CalibrationInputs {
  readonly kind: Calibration['inputs'];
  /** The feeds of the n-th input, n from 0. */
  feeds(index: number): RuntimeTensors;
}

/**
 * Views of pictures for whoever takes a picture: a pixel variant as pixels, a tensors variant normalised as the config says.
 * Everything else, and everything without pictures, gets seeded random numbers.
 */
export function calibrationInputs(
  { planned, pixels, analysis }: BuiltVariant,
  config: Pick<ModelConfig, 'pixels'>,
  pictures: readonly RgbPicture[],
): CalibrationInputs {
  const name = pixels?.input ?? config.pixels?.input;
  const input = analysis.inputs.find((candidate) => candidate.name === name);
  const make = input && (planned.kind === 'pixels' ? asPixels(input) : normalised(input, config.pixels));
  if (input === undefined || make === undefined || pictures.length === 0) {
    return { kind: 'noise', feeds: (index) => randomFeeds(analysis.inputs, index + 1) };
  }
  return {
    kind: 'pictures',
    feeds(index) {
      const picture = pictures[index % pictures.length];
      const others = randomFeeds(analysis.inputs, index + 1);
      return picture ? { ...others, [input.name]: make(picture, seededRandom(index + 1)) } : others;
    },
  };
}

type MakeTensor = (picture: RgbPicture, random: () => number) => RuntimeTensor;

function asPixels({ type, dims }: TensorDescription): MakeTensor {
  const [height = 1, width = 1] = dims;
  return (picture, random) => ({ type, dims, bytes: pictureView(picture, height, width, random) });
}

/** `[1, 3, h, w]` as the config's pixels say; `undefined` for an input of another form. */
function normalised({ type, dims }: TensorDescription, config: ModelConfig['pixels']): MakeTensor | undefined {
  const [batch, channels, height = 1, width = 1] = dims;
  if (config === undefined || dims.length !== 4 || batch !== 1 || channels !== 3) return undefined;
  if (type !== 'float32' && type !== 'float16') return undefined;
  const order = config.channels === 'rgb' ? [0, 1, 2] : [2, 1, 0];
  return (picture, random) => {
    const view = pictureView(picture, height, width, random);
    const values = new Float32Array(countElements(dims));
    const area = height * width;
    for (const [channel, from] of order.entries()) {
      const [mean, std] = [config.mean[channel] ?? 0, config.std[channel] ?? 1];
      for (let i = 0; i < area; i++) values[channel * area + i] = ((view[3 * i + from] ?? 0) - mean) / std;
    }
    const data = type === 'float16' ? Uint16Array.from(values, toHalf) : values;
    return { type, dims, bytes: new Uint8Array(data.buffer) };
  };
}
