import { convolution, networkFile, node, value, weights } from '../../overhead/network.js';

const LAYERS = 12;
const CHANNELS = 8;
const SIDE = 16;

/** Convolutions one after the other, small enough for a graphics device in software, with a cut behind each. */
export function chainNetwork(): Uint8Array {
  const dims = [1, CHANNELS, SIDE, SIDE];
  const layers = Array.from({ length: LAYERS }, (_, index) => ({
    from: index === 0 ? 'x' : `relu${index}`,
    conv: `conv${index + 1}`,
    relu: index === LAYERS - 1 ? 'y' : `relu${index + 1}`,
    weights: `w${index + 1}`,
  }));
  return networkFile({
    name: 'chain',
    node: layers.flatMap(({ from, conv, relu, weights }) => [
      convolution([from, weights], conv),
      node('Relu', [conv], relu),
    ]),
    input: [value('x', dims)],
    output: [value('y', dims)],
    initializer: layers.map((layer) => weights(layer.weights, [CHANNELS, CHANNELS, 3, 3])),
  });
}
