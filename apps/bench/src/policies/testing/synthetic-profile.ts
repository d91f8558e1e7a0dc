import type { NetworkProfile, ProfiledCut } from '../profile-file.js';

/** One layer: share of the network's multiply-adds in it, and [channels, height, width] of what leaves it. */
type Layer = readonly [share: number, channels: number, height: number, width: number];

interface Sketch {
  readonly gigaMacs: number;
  readonly pixels: number;
  readonly nodes: number;
  readonly layers: readonly Layer[];
}

/** A core does about so many multiply-adds a ms in a browser and with onnxruntime-node. */
const HEAD_MACS_PER_MS = 12e6;
const TAIL_MACS_PER_MS = 30e6;

/** The shapes of the six networks, coarsely: for tests, and for trying the simulator before anything is measured. */
const SKETCHES: Readonly<Record<string, Sketch>> = {
  alexnet: {
    gigaMacs: 0.71,
    pixels: 224,
    nodes: 20,
    layers: [
      [0.1, 64, 55, 55],
      [0, 64, 27, 27],
      [0.3, 192, 27, 27],
      [0, 192, 13, 13],
      [0.16, 384, 13, 13],
      [0.21, 256, 13, 13],
      [0.14, 256, 6, 6],
      [0.05, 4096, 1, 1],
      [0.03, 4096, 1, 1],
      [0.01, 1000, 1, 1],
    ],
  },
  squeezenet: {
    gigaMacs: 0.35,
    pixels: 224,
    nodes: 64,
    layers: [
      [0.06, 64, 111, 111],
      [0, 64, 55, 55],
      [0.1, 128, 55, 55],
      [0.12, 128, 55, 55],
      [0, 128, 27, 27],
      [0.1, 256, 27, 27],
      [0.12, 256, 27, 27],
      [0, 256, 13, 13],
      [0.1, 384, 13, 13],
      [0.15, 512, 13, 13],
      [0.25, 1000, 13, 13],
      [0, 1000, 1, 1],
    ],
  },
  vgg16: {
    gigaMacs: 15.5,
    pixels: 224,
    nodes: 38,
    layers: [
      [0.01, 64, 224, 224],
      [0.12, 64, 112, 112],
      [0.06, 128, 112, 112],
      [0.12, 128, 56, 56],
      [0.18, 256, 56, 56],
      [0.12, 256, 28, 28],
      [0.18, 512, 28, 28],
      [0.12, 512, 14, 14],
      [0.08, 512, 7, 7],
      [0.01, 4096, 1, 1],
      [0, 1000, 1, 1],
    ],
  },
  resnet18: {
    gigaMacs: 1.8,
    pixels: 224,
    nodes: 49,
    layers: [
      [0.07, 64, 112, 112],
      [0, 64, 56, 56],
      [0.13, 64, 56, 56],
      [0.13, 64, 56, 56],
      [0.11, 128, 28, 28],
      [0.13, 128, 28, 28],
      [0.1, 256, 14, 14],
      [0.13, 256, 14, 14],
      [0.1, 512, 7, 7],
      [0.1, 1000, 1, 1],
    ],
  },
  resnet50: {
    gigaMacs: 4.1,
    pixels: 224,
    nodes: 122,
    layers: [
      [0.03, 64, 112, 112],
      [0, 64, 56, 56],
      [0.06, 256, 56, 56],
      [0.11, 256, 56, 56],
      [0.1, 512, 28, 28],
      [0.15, 512, 28, 28],
      [0.12, 1024, 14, 14],
      [0.22, 1024, 14, 14],
      [0.11, 2048, 7, 7],
      [0.1, 1000, 1, 1],
    ],
  },
  xception: {
    gigaMacs: 8.4,
    pixels: 299,
    nodes: 90,
    layers: [
      [0.02, 32, 149, 149],
      [0.06, 64, 147, 147],
      [0.1, 128, 74, 74],
      [0.12, 256, 37, 37],
      [0.1, 728, 19, 19],
      [0.2, 728, 19, 19],
      [0.2, 728, 19, 19],
      [0.1, 1024, 10, 10],
      [0.1, 2048, 10, 10],
      [0, 1000, 1, 1],
    ],
  },
};

/** @throws Error for a network that is not sketched */
export function syntheticProfile(network: string): NetworkProfile {
  const sketch = SKETCHES[network];
  if (sketch === undefined) throw new Error(`There is no sketch of '${network}'`);
  const { gigaMacs, pixels, nodes, layers } = sketch;
  const u8Bytes = pixels * pixels * 3;
  const macs = gigaMacs * 1e9;
  const cuts = Array.from({ length: layers.length + 1 }, (_, id): ProfiledCut => {
    const share = layers.slice(0, id).reduce((sum, [part]) => sum + part, 0);
    const layer = layers[id - 1];
    const isLocal = id === layers.length;
    const headNodes = Math.round((nodes * id) / layers.length);
    const bytes = layer === undefined ? 4 * u8Bytes : 4 * layer[1] * layer[2] * layer[3];
    const headShare = isLocal ? 1 : Math.min(1, share);
    return {
      id,
      isPrefix: true,
      headNodes,
      tailNodes: nodes - headNodes,
      headMs: id === 0 ? 0 : (headShare * macs) / HEAD_MACS_PER_MS + 0.02 * headNodes,
      tailMs: isLocal ? 0 : ((1 - headShare) * macs) / TAIL_MACS_PER_MS + 0.01 * (nodes - headNodes),
      timed: true,
      bytesUp: isLocal ? 0 : bytes,
      bytesDown: isLocal ? 0 : 4_000,
      floatBytes: isLocal ? 0 : bytes,
      sendsInput: id === 0,
      headFlops: 2 * headShare * macs,
      tailFlops: 2 * (1 - headShare) * macs,
    };
  });
  return {
    format: 'cutpoint.profile.v1',
    network,
    trained: false,
    machine: { cpu: 'synthetic: made up from operation counts, measured nowhere' },
    date: '2026-01-01T00:00:00.000Z',
    browser: 'none',
    head: { provider: 'wasm', threads: 1 },
    tail: { provider: 'cpu', threads: 1 },
    cuts,
    wholeNodes: nodes,
    input: {
      pixels: [pixels, pixels],
      u8Bytes,
      jpegBytes: Math.round(u8Bytes / 8),
      jpegEncodeMs: 3,
      jpegDecodeMs: 1.5,
      webpBytes: Math.round(u8Bytes / 14),
      webpEncodeMs: 12,
      webpDecodeMs: 2.5,
    },
    codecs: { f16EncodeMsPerMB: 1.5, f16DecodeMsPerMB: 1, u8EncodeMsPerMB: 2.5, u8DecodeMsPerMB: 1.2 },
  };
}
