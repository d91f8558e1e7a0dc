import type { Model } from '../model.js';
import { NetworkWriter, type Value, type WeightOptions } from './network-writer.js';

/** A pooling, or a fire module's squeezed and expanded channels. */
const FEATURES: readonly ('pool' | readonly [number, number])[] = [
  'pool',
  [16, 64],
  [16, 64],
  'pool',
  [32, 128],
  [32, 128],
  'pool',
  [48, 192],
  [48, 192],
  [64, 256],
  [64, 256],
];

/**
 * SqueezeNet 1.1, its authors' cheaper revision of Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer
 * parameters" (2016), in torchvision's layout.
 */
export function buildSqueezeNet(input: Value, options: WeightOptions): Model {
  const net = new NetworkWriter(options);
  const conv = (name: string, from: Value, channels: number, kernel: number, padding = 0): Value =>
    net.relu(`${name}.relu`, net.conv(name, from, { channels, kernel, padding }));

  let x = net.input(input.name, input.dims);
  x = net.relu('features.1', net.conv('features.0', x, { channels: 64, kernel: 3, stride: 2, gain: 1 }));
  for (const [i, feature] of FEATURES.entries()) {
    const name = `features.${i + 2}`;
    if (feature === 'pool') {
      x = net.maxPool(name, x, { kernel: 3, stride: 2, ceil: true });
      continue;
    }
    const [squeezed, expanded] = feature;
    const squeeze = conv(`${name}.squeeze`, x, squeezed, 1);
    const narrow = conv(`${name}.expand1x1`, squeeze, expanded, 1);
    x = net.concat(`${name}.concat`, narrow, conv(`${name}.expand3x3`, squeeze, expanded, 3, 1));
  }
  x = conv('classifier.1', x, 1000, 1);
  return net.build('squeezenet', net.globalAveragePool('classifier.3', x));
}
