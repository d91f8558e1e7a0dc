import type { TensorProto } from 'onnx-buf';
import { countElements, dataTypeOf } from '../element-type.js';
import { GraphBuilder } from '../graph-builder.js';
import type { Model } from '../model.js';
import { rawTensor, withFields } from '../proto.js';
import { heUniform, type Uniform, type UniformFloats } from './uniform.js';

/** A value of the graph; `dims` is `[1, channels, height, width]`, or `[1, features]` once flattened. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** `same` is TensorFlow's rule: the output has ceil(size / stride), an odd row of padding goes to the end. */
export type Padding = number | 'same';

export interface ConvOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  /** Default 1; as many groups as channels make a depthwise convolution. */
  readonly groups?: number;
  /** Default true; a batch normalisation behind makes one superfluous. */
  readonly bias?: boolean;
  /** Default 2, for an input that a ReLU made; see {@link heUniform}. */
  readonly gain?: number;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: Padding;
  /** A last window that hangs over the edge counts too. */
  readonly ceil?: boolean;
}

/** Mean 0 and variance 1 are what He's weights give, so the statistics stay near them, each channel's its own. */
const NEAR_ZERO: Uniform = { center: 0, spread: 0.1 };
const NEAR_ONE: Uniform = { center: 1, spread: 0.2 };

/** Says where a weight is: its bytes, or the part of a file that holds them. Nothing leaves it empty. */
export type PlaceWeight = (weight: UniformFloats) => Partial<TensorProto>;

/** How a network's weights are made. */
export interface WeightOptions {
  /** Same seed, same bytes. */
  readonly seed: number;
  readonly place: PlaceWeight;
}

/** Writes a network layer by layer, in fp32, and knows every value's shape. Inference form: no dropout. */
export class NetworkWriter {
  readonly #graph = new GraphBuilder();
  readonly #seed: number;
  readonly #place: PlaceWeight;
  #numWeights = 0;

  constructor({ seed, place }: WeightOptions) {
    this.#seed = seed;
    this.#place = place;
  }

  input(name: string, dims: readonly number[]): Value {
    this.#graph.input(name, 'float32', dims);
    return { name, dims };
  }

  conv(name: string, input: Value, options: ConvOptions): Value {
    const { channels, kernel, stride = 1, padding = 0, groups = 1, bias = true, gain = 2 } = options;
    const [, inChannels = 0, height = 0, width = 0] = input.dims;
    const perGroup = inChannels / groups;
    const weight = this.#weight(
      `${name}.weight`,
      [channels, perGroup, kernel, kernel],
      heUniform(perGroup * kernel * kernel, gain),
    );
    const inputs = [input.name, weight, ...(bias ? [this.#weight(`${name}.bias`, [channels], NEAR_ZERO)] : [])];
    const [top, bottom] = padOf(height, kernel, stride, padding);
    const [left, right] = padOf(width, kernel, stride, padding);
    this.#graph.node('Conv', inputs, [name], {
      kernel_shape: [BigInt(kernel), BigInt(kernel)],
      strides: [BigInt(stride), BigInt(stride)],
      pads: [top, left, bottom, right].map(BigInt),
      dilations: [1n, 1n],
      group: BigInt(groups),
    });
    const size = (whole: number, pads: number) => Math.floor((whole + pads - kernel) / stride) + 1;
    return { name, dims: [1, channels, size(height, top + bottom), size(width, left + right)] };
  }

  /**
   * @param options.scale what the branch is multiplied with; below 1 at the end of a residual branch, since sums grow
   *   with every block.
   */
  batchNorm(name: string, input: Value, options: { readonly epsilon: number; readonly scale?: number }): Value {
    const { epsilon, scale = 1 } = options;
    const channels = [input.dims[1] ?? 0];
    this.#graph.node(
      'BatchNormalization',
      [
        input.name,
        this.#weight(`${name}.weight`, channels, { center: scale, spread: scale * NEAR_ONE.spread }),
        this.#weight(`${name}.bias`, channels, NEAR_ZERO),
        this.#weight(`${name}.running_mean`, channels, NEAR_ZERO),
        this.#weight(`${name}.running_var`, channels, NEAR_ONE),
      ],
      [name],
      { epsilon },
    );
    return { name, dims: input.dims };
  }

  relu(name: string, input: Value): Value {
    this.#graph.node('Relu', [input.name], [name]);
    return { name, dims: input.dims };
  }

  maxPool(name: string, input: Value, { kernel, stride, padding = 0, ceil = false }: PoolOptions): Value {
    const [, channels = 0, height = 0, width = 0] = input.dims;
    const [top, bottom] = padOf(height, kernel, stride, padding);
    const [left, right] = padOf(width, kernel, stride, padding);
    this.#graph.node('MaxPool', [input.name], [name], {
      kernel_shape: [BigInt(kernel), BigInt(kernel)],
      strides: [BigInt(stride), BigInt(stride)],
      pads: [top, left, bottom, right].map(BigInt),
      ceil_mode: ceil ? 1n : 0n,
    });
    const round = ceil ? Math.ceil : Math.floor;
    const size = (whole: number, pads: number) => round((whole + pads - kernel) / stride) + 1;
    return { name, dims: [1, channels, size(height, top + bottom), size(width, left + right)] };
  }

  /** `[1, channels, height, width]` to `[1, channels]`. */
  globalAveragePool(name: string, input: Value): Value {
    this.#graph.node('GlobalAveragePool', [input.name], [name]);
    return this.flatten(`${name}.flat`, { name, dims: [1, input.dims[1] ?? 0, 1, 1] });
  }

  flatten(name: string, input: Value): Value {
    this.#graph.node('Flatten', [input.name], [name], { axis: 1n });
    return { name, dims: [1, countElements(input.dims)] };
  }

  /** @param gain default 1, so that the last layer's answers stay near those of its inputs; see {@link heUniform}. */
  dense(name: string, input: Value, features: number, gain = 1): Value {
    const inFeatures = input.dims[1] ?? 0;
    const weight = this.#weight(`${name}.weight`, [features, inFeatures], heUniform(inFeatures, gain));
    const bias = this.#weight(`${name}.bias`, [features], NEAR_ZERO);
    this.#graph.node('Gemm', [input.name, weight, bias], [name], { transB: 1n });
    return { name, dims: [1, features] };
  }

  add(name: string, a: Value, b: Value): Value {
    this.#graph.node('Add', [a.name, b.name], [name]);
    return { name, dims: a.dims };
  }

  /** Along the channels. */
  concat(name: string, a: Value, b: Value): Value {
    this.#graph.node('Concat', [a.name, b.name], [name], { axis: 1n });
    const [batch = 1, channels = 0, ...size] = a.dims;
    return { name, dims: [batch, channels + (b.dims[1] ?? 0), ...size] };
  }

  softmax(name: string, input: Value): Value {
    this.#graph.node('Softmax', [input.name], [name], { axis: -1n });
    return { name, dims: input.dims };
  }

  build(name: string, output: Value): Model {
    return this.#graph.output(output.name, 'float32', output.dims).build({ name, opset: 17, irVersion: 8 });
  }

  /** Every weight has a seed of its own, so that none depends on how many came before it were filled. */
  #weight(name: string, dims: readonly number[], values: Uniform): string {
    const seed = Math.imul(this.#seed, 0x9e3779b1) + this.#numWeights++;
    const placed = this.#place({ values, count: countElements(dims), seed });
    this.#graph.initializer(withFields(rawTensor(name, dataTypeOf('float32'), dims, new Uint8Array()), placed));
    return name;
  }
}

/** Padding before and after along one axis. */
function padOf(size: number, kernel: number, stride: number, padding: Padding): readonly [number, number] {
  if (padding !== 'same') return [padding, padding];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
