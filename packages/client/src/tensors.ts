import {
  type TensorBytes,
  type TensorInfo,
  type TensorType,
  tensorArray,
  tensorBytes,
  type Variant,
} from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import { CutpointError } from './errors.js';
import type { TensorMessage } from './worker/messages.js';

export type TensorClass = typeof Tensor;

/** What is read of a tensor that an app passes in; onnxruntime-web bundles a class of its own. */
export type TensorLike = Pick<Tensor, 'type' | 'dims' | 'data' | 'location'>;

/**
 * The variant whose inputs are exactly these feeds, and the feeds as bytes.
 * @throws CutpointError `bad_feeds` for a name, a type or a length, `shape_not_served` for dimensions
 */
export function matchFeeds(
  feeds: Readonly<Record<string, TensorLike>>,
  variants: readonly Variant[],
): { variant: Variant; feeds: TensorMessage[] } {
  const [first] = variants;
  if (!first) throw new CutpointError('shape_not_served', 'This model is served for pictures only: use `runImage`.');
  checkNames(feeds, first.inputs);
  const messages = first.inputs.map((input) => toMessage(input, feeds[input.name]));
  const variant = variants.find(({ inputs }) => inputs.every((input, index) => sameDims(input, messages[index])));
  if (!variant) throw notServed(messages, variants);
  return { variant, feeds: messages };
}

/**
 * An output of the model, from its bytes.
 * @param Tensor onnxruntime's own class, which a first result's way need not wait for
 */
export function toTensor(
  Tensor: TensorClass,
  type: TensorType,
  dims: readonly number[],
  bytes: Uint8Array<ArrayBuffer>,
): Tensor {
  // The constructor has one overload a type; the array is the one that belongs to `type`.
  return new Tensor(type as 'float32', tensorArray(type, bytes) as Float32Array, [...dims]);
}

export function tensorOf(Tensor: TensorClass, { header, bytes }: TensorBytes): Tensor {
  return toTensor(Tensor, header.type, header.dims, bytes);
}

function checkNames(feeds: Readonly<Record<string, unknown>>, inputs: readonly TensorInfo[]): void {
  const wanted = inputs.map(({ name }) => name);
  const missing = wanted.filter((name) => feeds[name] === undefined);
  const strange = Object.keys(feeds).filter((name) => !wanted.includes(name));
  if (missing.length === 0 && strange.length === 0) return;
  const what = [
    ...missing.map((name) => `"${name}" is missing`),
    ...strange.map((name) => `"${name}" is no input of this model`),
  ].join(', ');
  throw new CutpointError('bad_feeds', `${what}; the inputs are ${inputs.map(describe).join(', ')}.`);
}

function toMessage(input: TensorInfo, tensor: TensorLike | undefined): TensorMessage {
  const { name, type } = input;
  if (!tensor || !Array.isArray(tensor.dims) || typeof tensor.type !== 'string') {
    throw new CutpointError('bad_feeds', `Feed "${name}" is not a Tensor.`);
  }
  if (tensor.type !== type) {
    throw new CutpointError('bad_feeds', `Feed "${name}" is ${tensor.type}; the model wants ${describe(input)}.`);
  }
  if (tensor.location !== undefined && tensor.location !== 'cpu' && tensor.location !== 'cpu-pinned') {
    throw new CutpointError('bad_feeds', `Feed "${name}" lies on the ${tensor.location}; pass its data on the CPU.`);
  }
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) {
    throw new CutpointError('bad_feeds', `Feed "${name}" holds no typed array; strings cannot travel.`);
  }
  const wantedBytes = tensorBytes(type, tensor.dims);
  if (data.byteLength !== wantedBytes) {
    throw new CutpointError(
      'bad_feeds',
      `Feed "${name}" holds ${data.byteLength} bytes; ${type} [${tensor.dims.join(', ')}] has ${wantedBytes}.`,
    );
  }
  return { name, type, dims: [...tensor.dims], bytes: bytesOf(data) };
}

/** A view where it can be one: shared memory cannot be handed on. */
function bytesOf(data: ArrayBufferView): Uint8Array<ArrayBuffer> {
  if (data.buffer instanceof ArrayBuffer) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function sameDims(input: TensorInfo, message: TensorInfo | undefined): boolean {
  return (
    message !== undefined &&
    input.dims.length === message.dims.length &&
    input.dims.every((dim, axis) => dim === message.dims[axis])
  );
}

function notServed(given: readonly TensorInfo[], variants: readonly Variant[]): CutpointError {
  const served = variants.map(({ inputs }) => inputs.map(describe).join(' with ')).join('; ');
  return new CutpointError(
    'shape_not_served',
    `${given.map(describe).join(' with ')} is not served; these are: ${served}. The edge's model config lists them.`,
  );
}

function describe({ name, type, dims }: TensorInfo): string {
  return `"${name}" ${type} [${dims.join(', ')}]`;
}
