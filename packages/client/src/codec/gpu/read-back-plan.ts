import { type NumberCodec, narrows, plainBytes, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import type { GpuCodec } from './encode-pipelines.js';
import { type FloatType, STATISTICS_BYTES } from './shaders.js';

/** A tensor on the GPU. @internal */
export interface GpuTensor extends TensorInfo {
  /** Usable as `STORAGE` and `COPY_SRC`, at least as long as the tensor, rounded up to 4 bytes. */
  readonly buffer: GPUBuffer;
}

/** Where one tensor lies in the bytes that are read back. */
export interface Slot {
  readonly tensor: GpuTensor;
  /** How it lies there, and from what type; absent when it is copied as it is. */
  readonly narrowing: { readonly codec: GpuCodec; readonly type: FloatType } | undefined;
  readonly count: number;
  readonly offset: number;
  /** With what stands before the encoded bytes, and what fills up the last word. */
  readonly numBytes: number;
}

/** What is read back of some tensors, all at once: first what is encoded, then what is copied as it is. */
export interface ReadBackPlan {
  readonly slots: readonly Slot[];
  readonly encodedBytes: number;
  readonly totalBytes: number;
}

export type DeviceLimits = Pick<
  GPUSupportedLimits,
  'minStorageBufferOffsetAlignment' | 'maxStorageBufferBindingSize' | 'maxBufferSize'
>;

/** Lays out a read-back. Tensors that the codec does not narrow, or that no shader can see as a whole, are copied. */
export function planReadBack(
  tensors: readonly GpuTensor[],
  codec: NumberCodec,
  { minStorageBufferOffsetAlignment, maxStorageBufferBindingSize, maxBufferSize }: DeviceLimits,
): ReadBackPlan {
  const slots: Slot[] = [];
  const copied: GpuTensor[] = [];
  let end = 0;
  let encodedBytes = 0;
  for (const tensor of tensors) {
    const narrowing = narrowingOf(codec, tensor);
    const numBytes = narrowing ? STATISTICS_BYTES + words(plainBytes({ ...tensor, codec: narrowing.codec })) : 0;
    const offset = Math.ceil(end / minStorageBufferOffsetAlignment) * minStorageBufferOffsetAlignment;
    const isVisible = Math.max(tensor.buffer.size, numBytes) <= maxStorageBufferBindingSize;
    if (!narrowing || !isVisible || offset + numBytes > maxBufferSize) {
      copied.push(tensor);
      continue;
    }
    slots.push({ tensor, narrowing, count: countOf(tensor), offset, numBytes });
    end = offset + numBytes;
    encodedBytes = end;
  }
  for (const tensor of copied) {
    const numBytes = words(tensorBytes(tensor.type, tensor.dims));
    slots.push({ tensor, narrowing: undefined, count: countOf(tensor), offset: end, numBytes });
    end += numBytes;
  }
  return { slots, encodedBytes, totalBytes: end };
}

function narrowingOf(codec: NumberCodec, tensor: TensorInfo): Slot['narrowing'] {
  if (codec === 'raw' || countOf(tensor) === 0 || !narrows(codec, tensor)) return undefined;
  return { codec, type: tensor.type === 'float16' ? 'float16' : 'float32' };
}

function countOf({ dims }: TensorInfo): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Buffers are copied and bound by words of 4 bytes. */
function words(numBytes: number): number {
  return Math.ceil(numBytes / 4) * 4;
}
