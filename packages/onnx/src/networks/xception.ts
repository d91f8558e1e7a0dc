import type { Model } from '../model.js';
import { NetworkWriter, type Value, type WeightOptions } from './network-writer.js';

const EPSILON = 1e-3;
/** Of the last normalisation of a branch; see the sums of ResNet. */
const BRANCH_SCALE = 0.3;

/** Channels of the two separable convolutions of a block that halves the size. */
const ENTRY = [
  [128, 128],
  [256, 256],
  [728, 728],
] as const;
const NUM_MIDDLE_BLOCKS = 8;
const EXIT = [728, 1024] as const;

/**
 * Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions" (CVPR 2017), figure 5, as Keras has it
 * for 299 x 299 pixels, softmax included; channels come before height and width here, as everywhere in ONNX.
 */
export function buildXception(input: Value, options: WeightOptions): Model {
  const net = new NetworkWriter(options);
  let x = net.input(input.name, input.dims);
  x = net.conv('block1_conv1', x, { channels: 32, kernel: 3, stride: 2, bias: false, gain: 1 });
  x = net.relu('block1_conv1_act', normalise(net, 'block1_conv1', x));
  x = net.conv('block1_conv2', x, { channels: 64, kernel: 3, bias: false });
  x = net.relu('block1_conv2_act', normalise(net, 'block1_conv2', x));
  let block = 2;
  for (const channels of ENTRY) x = halvingBlock(net, `block${block++}`, x, channels);
  for (let i = 0; i < NUM_MIDDLE_BLOCKS; i++) x = middleBlock(net, `block${block++}`, x);
  x = halvingBlock(net, `block${block++}`, x, EXIT);
  for (const [i, channels] of [1536, 2048].entries()) {
    const name = `block${block}_sepconv${i + 1}`;
    x = net.relu(`${name}_act`, separable(net, name, x, channels));
  }
  // A gain below 1, so that no class takes all of the softmax.
  const logits = net.dense('predictions_logits', net.globalAveragePool('avg_pool', x), 1000, 0.1);
  return net.build('xception', net.softmax('predictions', logits));
}

function halvingBlock(net: NetworkWriter, name: string, input: Value, channels: readonly [number, number]): Value {
  const [first, second] = channels;
  let skip = net.conv(`${name}_skip`, input, { channels: second, kernel: 1, stride: 2, padding: 'same', bias: false });
  skip = normalise(net, `${name}_skip`, skip);
  // The second block's input comes out of a ReLU already.
  let x = name === 'block2' ? input : net.relu(`${name}_sepconv1_act`, input);
  x = net.relu(`${name}_sepconv2_act`, separable(net, `${name}_sepconv1`, x, first));
  x = separable(net, `${name}_sepconv2`, x, second, BRANCH_SCALE);
  x = net.maxPool(`${name}_pool`, x, { kernel: 3, stride: 2, padding: 'same' });
  return net.add(`${name}_add`, x, skip);
}

function middleBlock(net: NetworkWriter, name: string, input: Value): Value {
  let x = input;
  for (let i = 1; i <= 3; i++) {
    x = net.relu(`${name}_sepconv${i}_act`, x);
    x = separable(net, `${name}_sepconv${i}`, x, 728, i === 3 ? BRANCH_SCALE : 1);
  }
  return net.add(`${name}_add`, x, input);
}

/** Depthwise, then pointwise with nothing between them, then normalised. */
function separable(net: NetworkWriter, name: string, input: Value, channels: number, scale = 1): Value {
  const inChannels = input.dims[1] ?? 0;
  const depthwise = { channels: inChannels, kernel: 3, padding: 1, groups: inChannels, bias: false };
  const x = net.conv(`${name}_depthwise`, input, depthwise);
  return normalise(net, name, net.conv(name, x, { channels, kernel: 1, bias: false, gain: 1 }), scale);
}

function normalise(net: NetworkWriter, name: string, input: Value, scale = 1): Value {
  return net.batchNorm(`${name}_bn`, input, { epsilon: EPSILON, scale });
}
