import type { Model } from '../model.js';
import { NetworkWriter, type Value, type WeightOptions } from './network-writer.js';

/**
 * AlexNet as torchvision has it: one column, after Krizhevsky, "One weird trick for parallelizing convolutional neural
 * networks" (2014). Its adaptive pooling to 6 x 6 is left out: at 224 x 224 it changes nothing.
 */
export function buildAlexNet(input: Value, options: WeightOptions): Model {
  const net = new NetworkWriter(options);
  const pool = { kernel: 3, stride: 2 };
  const conv = (index: number, from: Value, channels: number, kernel: number, stride: number, padding: number): Value =>
    net.relu(
      `features.${index + 1}`,
      net.conv(`features.${index}`, from, { channels, kernel, stride, padding, gain: index === 0 ? 1 : 2 }),
    );
  let x = conv(0, net.input(input.name, input.dims), 64, 11, 4, 2);
  x = net.maxPool('features.2', x, pool);
  x = conv(3, x, 192, 5, 1, 2);
  x = net.maxPool('features.5', x, pool);
  x = conv(6, x, 384, 3, 1, 1);
  x = conv(8, x, 256, 3, 1, 1);
  x = conv(10, x, 256, 3, 1, 1);
  x = net.flatten('flatten', net.maxPool('features.12', x, pool));
  x = net.relu('classifier.2', net.dense('classifier.1', x, 4096, 2));
  x = net.relu('classifier.5', net.dense('classifier.4', x, 4096, 2));
  return net.build('alexnet', net.dense('classifier.6', x, 1000));
}
