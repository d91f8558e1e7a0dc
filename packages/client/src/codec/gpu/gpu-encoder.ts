import {
  type EncodedTensor,
  encodeTensor,
  type NumberCodec,
  plainBytes,
  type TensorHeader,
  tensorBytes,
} from '@cutpoint/protocol';
import { type EncodePipelines, type GpuCodec, type Pass, workgroupsOf } from './encode-pipelines.js';
import { GrowingBuffer } from './growing-buffer.js';
import { type GpuTensor, planReadBack, type ReadBackPlan, type Slot } from './read-back-plan.js';
import { STATISTICS_BYTES } from './shaders.js';
import { affineOfStatistics, readStatistics } from './statistics.js';

/**
 * Encodes tensors where they are, on the GPU, and reads back no more than what travels: all of them by one submission and
 * one mapping. Gives what `encodeTensor` of `@cutpoint/protocol` gives for the same numbers, but that a level of u8 may be
 * the neighbouring one where a number lies between two of them, to within 2·10⁻⁴ of a level.
 *
 * Its two buffers are as long as the longest read-back so far, and gone when it is destroyed. One call at a time.
 * @internal
 */
export class GpuEncoder {
  readonly #pipelines: EncodePipelines;
  readonly #device: GPUDevice;
  readonly #encoded: GrowingBuffer;
  readonly #readable: GrowingBuffer;

  constructor(pipelines: EncodePipelines) {
    this.#pipelines = pipelines;
    this.#device = pipelines.device;
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#encoded = new GrowingBuffer(this.#device, STORAGE | COPY_SRC | COPY_DST, 'cutpoint-encoded');
    this.#readable = new GrowingBuffer(this.#device, MAP_READ | COPY_DST, 'cutpoint-readable');
  }

  /**
   * @returns one for each tensor, in their order; each has bytes of its own
   * @throws Error when the device refuses; the tensors are as they were, and can be read in other ways
   */
  async encode(tensors: readonly GpuTensor[], codec: NumberCodec): Promise<EncodedTensor[]> {
    const encoded = await this.#readBack(tensors, codec, codec);
    const unfit = tensors.filter(({ name }) => !encoded.has(name));
    // Rare, and found out too late: these numbers cannot be narrowed, or not by single precision.
    if (unfit.length > 0) for (const entry of await this.#readBack(unfit, 'raw', codec)) encoded.set(...entry);
    return tensors.map(({ name }) => {
      const found = encoded.get(name);
      if (!found) throw new Error(`tensor "${name}" was not read back`);
      return found;
    });
  }

  destroy(): void {
    this.#encoded.destroy();
    this.#readable.destroy();
  }

  /** @param onCpu what is done to tensors that come back as they are */
  async #readBack(
    tensors: readonly GpuTensor[],
    onGpu: NumberCodec,
    onCpu: NumberCodec,
  ): Promise<Map<string, EncodedTensor>> {
    const plan = planReadBack(tensors, onGpu, this.#device.limits);
    const encoded = new Map<string, EncodedTensor>();
    const read = (bytes: Uint8Array) => {
      for (const slot of plan.slots) {
        const own = bytes.subarray(slot.offset, slot.offset + slot.numBytes);
        const found = slot.narrowing ? narrowed(slot, slot.narrowing.codec, own) : copied(slot, own, onCpu);
        if (found) encoded.set(slot.tensor.name, found);
      }
    };
    if (plan.totalBytes === 0) read(new Uint8Array());
    else await this.#submit(plan, read);
    return encoded;
  }

  /** @param read is given the bytes for as long as it takes */
  async #submit(plan: ReadBackPlan, read: (bytes: Uint8Array) => void): Promise<void> {
    const device = this.#device;
    const passes = await Promise.all(
      plan.slots.map(({ narrowing }) =>
        narrowing ? this.#pipelines.passesOf(narrowing.codec, narrowing.type) : undefined,
      ),
    );
    // A refusal is silent otherwise, and old bytes would be taken for new ones.
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    const readable = this.#readable.ofAtLeast(plan.totalBytes);
    const commands = device.createCommandEncoder({ label: 'cutpoint-codec' });
    for (const [index, slot] of plan.slots.entries()) {
      const { tensor, offset, numBytes } = slot;
      const own = passes[index];
      if (own) this.#addPasses(commands, slot, own, plan.encodedBytes);
      else if (numBytes > 0) commands.copyBufferToBuffer(tensor.buffer, 0, readable, offset, numBytes);
    }
    if (plan.encodedBytes > 0) {
      const encoded = this.#encoded.ofAtLeast(plan.encodedBytes);
      commands.copyBufferToBuffer(encoded, 0, readable, 0, plan.encodedBytes);
    }
    device.queue.submit([commands.finish()]);
    const refusals = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const mapped = readable.mapAsync(GPUMapMode.READ, 0, plan.totalBytes);
    // Of the two failures the refusal says more.
    mapped.catch(() => {});
    const refusal = (await refusals).find((error) => error !== null);
    if (refusal) {
      await mapped.then(
        () => readable.unmap(),
        () => {},
      );
      throw new Error(`the graphics device refused to encode: ${refusal.message}`);
    }
    await mapped;
    try {
      read(new Uint8Array(readable.getMappedRange(0, plan.totalBytes)));
    } finally {
      readable.unmap();
    }
  }

  #addPasses(
    commands: GPUCommandEncoder,
    { tensor, count, offset, numBytes }: Slot,
    passes: readonly Pass[],
    encodedBytes: number,
  ): void {
    const device = this.#device;
    const buffer = this.#encoded.ofAtLeast(encodedBytes);
    device.queue.writeBuffer(buffer, offset, Uint32Array.of(0, 0, 0, count));
    const bindGroup = device.createBindGroup({
      layout: this.#pipelines.bindGroupLayout,
      entries: [
        { binding: 0, resource: { buffer: tensor.buffer } },
        { binding: 1, resource: { buffer, offset, size: numBytes } },
      ],
    });
    const pass = commands.beginComputePass();
    pass.setBindGroup(0, bindGroup);
    for (const step of passes) {
      pass.setPipeline(step.pipeline);
      pass.dispatchWorkgroups(workgroupsOf(count, step));
    }
    pass.end();
  }
}

function headerOf({ name, type, dims }: GpuTensor): Omit<TensorHeader, 'codec' | 'numBytes'> {
  return { name, type, dims: [...dims] };
}

/** `undefined` when what the GPU wrote does not count. */
function narrowed({ tensor }: Slot, codec: GpuCodec, bytes: Uint8Array): EncodedTensor | undefined {
  const statistics = readStatistics(bytes);
  const numBytes = plainBytes({ ...tensor, codec });
  const own = () => bytes.slice(STATISTICS_BYTES, STATISTICS_BYTES + numBytes);
  if (codec === 'f16') {
    return statistics.isUnfit ? undefined : { header: { ...headerOf(tensor), codec, numBytes }, bytes: own() };
  }
  const affine = affineOfStatistics(statistics);
  return affine && { header: { ...headerOf(tensor), codec, ...affine, numBytes }, bytes: own() };
}

function copied({ tensor }: Slot, bytes: Uint8Array, codec: NumberCodec): EncodedTensor {
  const data = bytes.slice(0, tensorBytes(tensor.type, tensor.dims));
  return encodeTensor({ ...headerOf(tensor), data }, codec);
}
