import type { Model } from '../model.js';
import { NetworkWriter, type Value, type WeightOptions } from './network-writer.js';

const EPSILON = 1e-5;
/** Of the last normalisation of a branch: 16 sums of branches as large as their input would grow a hundredfold. */
const BRANCH_SCALE = 0.3;

interface Block {
  readonly name: string;
  /** Of the block's inner convolutions; a bottleneck's output has four times as many. */
  readonly width: number;
  readonly stride: number;
}

/**
 * ResNet: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016), table 1, in torchvision's layout:
 * a bottleneck strides in its 3 x 3 convolution ("v1.5").
 */
export function buildResNet18(input: Value, options: WeightOptions): Model {
  return buildResNet('resnet18', input, [2, 2, 2, 2], basicBlock, options);
}

export function buildResNet50(input: Value, options: WeightOptions): Model {
  return buildResNet('resnet50', input, [3, 4, 6, 3], bottleneck, options);
}

type WriteBlock = (net: NetworkWriter, input: Value, block: Block) => Value;

function buildResNet(
  name: string,
  input: Value,
  depths: readonly number[],
  writeBlock: WriteBlock,
  options: WeightOptions,
): Model {
  const net = new NetworkWriter(options);
  let x = net.input(input.name, input.dims);
  x = net.conv('conv1', x, { channels: 64, kernel: 7, stride: 2, padding: 3, bias: false, gain: 1 });
  x = net.relu('relu', net.batchNorm('bn1', x, { epsilon: EPSILON }));
  x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 });
  for (const [stage, depth] of depths.entries()) {
    for (let i = 0; i < depth; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      x = writeBlock(net, x, { name: `layer${stage + 1}.${i}`, width: 64 * 2 ** stage, stride });
    }
  }
  return net.build(name, net.dense('fc', net.globalAveragePool('avgpool', x), 1000));
}

function basicBlock(net: NetworkWriter, input: Value, { name, width, stride }: Block): Value {
  const inner = { channels: width, kernel: 3, padding: 1, bias: false };
  let x = net.conv(`${name}.conv1`, input, { ...inner, stride });
  x = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x, { epsilon: EPSILON }));
  x = net.conv(`${name}.conv2`, x, inner);
  x = net.batchNorm(`${name}.bn2`, x, { epsilon: EPSILON, scale: BRANCH_SCALE });
  return sum(net, name, x, shortcut(net, input, name, width, stride));
}

function bottleneck(net: NetworkWriter, input: Value, { name, width, stride }: Block): Value {
  let x = net.conv(`${name}.conv1`, input, { channels: width, kernel: 1, bias: false });
  x = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x, { epsilon: EPSILON }));
  x = net.conv(`${name}.conv2`, x, { channels: width, kernel: 3, padding: 1, stride, bias: false });
  x = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, x, { epsilon: EPSILON }));
  x = net.conv(`${name}.conv3`, x, { channels: 4 * width, kernel: 1, bias: false });
  x = net.batchNorm(`${name}.bn3`, x, { epsilon: EPSILON, scale: BRANCH_SCALE });
  return sum(net, name, x, shortcut(net, input, name, 4 * width, stride));
}

/** The input itself, or a 1 x 1 convolution of it where the shape changes. */
function shortcut(net: NetworkWriter, input: Value, name: string, channels: number, stride: number): Value {
  if (stride === 1 && input.dims[1] === channels) return input;
  const x = net.conv(`${name}.downsample.0`, input, { channels, kernel: 1, stride, bias: false, gain: 1 });
  return net.batchNorm(`${name}.downsample.1`, x, { epsilon: EPSILON });
}

function sum(net: NetworkWriter, name: string, branch: Value, skip: Value): Value {
  return net.relu(`${name}.relu`, net.add(`${name}.add`, branch, skip));
}
