import type { Model } from '../model.js';
import { NetworkWriter, type Value, type WeightOptions } from './network-writer.js';

/** Channels of the convolutions between two poolings. */
const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/**
 * VGG16: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (ICLR 2015), table 1,
 * configuration D. torchvision's adaptive pooling to 7 x 7 is left out: at 224 x 224 it changes nothing.
 */
export function buildVgg16(input: Value, options: WeightOptions): Model {
  const net = new NetworkWriter(options);
  let x = net.input(input.name, input.dims);
  let index = 0;
  for (const stage of STAGES) {
    for (const channels of stage) {
      const gain = index === 0 ? 1 : 2;
      x = net.conv(`features.${index++}`, x, { channels, kernel: 3, padding: 1, gain });
      x = net.relu(`features.${index++}`, x);
    }
    x = net.maxPool(`features.${index++}`, x, { kernel: 2, stride: 2 });
  }
  x = net.flatten('flatten', x);
  x = net.relu('classifier.1', net.dense('classifier.0', x, 4096, 2));
  x = net.relu('classifier.4', net.dense('classifier.3', x, 4096, 2));
  return net.build('vgg16', net.dense('classifier.6', x, 1000));
}
