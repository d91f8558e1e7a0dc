import type { TensorProto } from 'onnx-buf';
import type { Model } from '../model.js';
import { asProtoBytes } from '../proto.js';
import { externalData } from '../tensor-data.js';
import { buildAlexNet } from './alexnet.js';
import type { PlaceWeight, Value, WeightOptions } from './network-writer.js';
import { buildResNet18, buildResNet50 } from './resnet.js';
import { buildSqueezeNet } from './squeezenet.js';
import { type UniformFloats, uniformBytes } from './uniform.js';
import { buildVgg16 } from './vgg16.js';
import { buildXception } from './xception.js';

/** An untrained network of a published shape: its times are real, its answers mean nothing. */
export interface BenchmarkNetwork {
  readonly name: BenchmarkNetworkName;
  /** As papers write it. */
  readonly title: string;
  /** The published count; running statistics of batch normalisations are not parameters. */
  readonly parameters: number;
  /** The one input, float32 `[1, 3, height, width]`. */
  readonly input: Value;
  /** `softmax` for probabilities; `logits` where the published network ends before the softmax. */
  readonly answers: 'logits' | 'softmax';
  /** fp32, opset 17. VGG16 takes 553 MB, and two seconds. */
  build(options?: BuildNetworkOptions): Model;
  /** The same with the weights in a file of their own. */
  buildApart(options?: SeedOption): NetworkApart;
}

interface SeedOption {
  /** Same seed, same bytes. Default 1. */
  readonly seed?: number;
}

export interface BuildNetworkOptions extends SeedOption {
  /** `false` leaves every weight empty: shapes and counts at no cost, but nothing that runs. Default true. */
  readonly fill?: boolean;
}

/** For networks that should not be in memory as a whole. */
export interface NetworkApart {
  /** The file of weights, in pieces of at most 4 MB that are made when asked for. */
  weights(): Iterable<Uint8Array>;
  /** @param location name of the file of weights, beside the model's own */
  model(location: string): Model;
}

export type BenchmarkNetworkName = 'alexnet' | 'squeezenet' | 'vgg16' | 'resnet18' | 'resnet50' | 'xception';

const DEFAULT_SEED = 1;
const PIECE_FLOATS = 1 << 20;

type Build = (input: Value, options: WeightOptions) => Model;

function network(
  name: BenchmarkNetworkName,
  title: string,
  parameters: number,
  build: Build,
  { side, answers }: { readonly side: number; readonly answers: BenchmarkNetwork['answers'] },
): BenchmarkNetwork {
  const input = { name: 'input', dims: [1, 3, side, side] };
  return {
    name,
    title,
    parameters,
    input,
    answers,
    build: ({ seed = DEFAULT_SEED, fill = true } = {}) => build(input, { seed, place: fill ? inline : () => ({}) }),
    buildApart: ({ seed = DEFAULT_SEED } = {}) => ({
      weights: () => piecesOf((place) => build(input, { seed, place })),
      model: (location) => build(input, { seed, place: inFile(location) }),
    }),
  };
}

function inline(weight: UniformFloats): Partial<TensorProto> {
  const [bytes] = uniformBytes(weight);
  return bytes === undefined ? {} : { rawData: asProtoBytes(bytes) };
}

/** One weight behind the other, in the order in which they are written. */
function inFile(location: string): PlaceWeight {
  let offset = 0;
  return ({ count }) => {
    const numBytes = 4 * count;
    const placed = externalData({ location, offset, length: numBytes });
    offset += numBytes;
    return placed;
  };
}

function* piecesOf(visitWeights: (place: PlaceWeight) => unknown): Iterable<Uint8Array> {
  const weights: UniformFloats[] = [];
  visitWeights((weight) => {
    weights.push(weight);
    return {};
  });
  for (const weight of weights) yield* uniformBytes(weight, PIECE_FLOATS);
}

const TORCHVISION = { side: 224, answers: 'logits' } as const;
const KERAS = { side: 299, answers: 'softmax' } as const;

/**
 * The six networks of LoADPart (Liu, Zheng, Li, Guo, ICDCS 2022, section V), with seeded weights. Latency depends on shapes
 * and not on values, as long as none is denormal; deflated sizes of their activations mean nothing.
 *
 * @example
 * const model = benchmarkNetworks.resnet18.build({ seed: 7 });
 */
export const benchmarkNetworks: Readonly<Record<BenchmarkNetworkName, BenchmarkNetwork>> = {
  alexnet: network('alexnet', 'AlexNet', 61_100_840, buildAlexNet, TORCHVISION),
  squeezenet: network('squeezenet', 'SqueezeNet 1.1', 1_235_496, buildSqueezeNet, TORCHVISION),
  vgg16: network('vgg16', 'VGG16', 138_357_544, buildVgg16, TORCHVISION),
  resnet18: network('resnet18', 'ResNet18', 11_689_512, buildResNet18, TORCHVISION),
  resnet50: network('resnet50', 'ResNet50', 25_557_032, buildResNet50, TORCHVISION),
  xception: network('xception', 'Xception', 22_855_952, buildXception, KERAS),
};

export function isBenchmarkNetworkName(name: string): name is BenchmarkNetworkName {
  return Object.hasOwn(benchmarkNetworks, name);
}
