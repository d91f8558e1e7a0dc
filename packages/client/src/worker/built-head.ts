import { type EncodedTensor, type TensorInfo, type TensorType, tensorBytes } from '@cutpoint/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { compress, encode, numbersOf } from '../codec/encode.js';
import type { EncodePipelines } from '../codec/gpu/encode-pipelines.js';
import { GpuEncoder } from '../codec/gpu/gpu-encoder.js';
import type { Ort } from './import-ort.js';
import type { EncodeOrder, RunCall, RunResult, TensorMessage } from './messages.js';
import { fromTensor, toTensor } from './ort-tensors.js';

interface Output {
  readonly name: string;
  readonly tensor: Tensor;
}

/** One head in onnxruntime-web: its session, and what encodes those of its outputs that stay on the GPU. */
export class BuiltHead {
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #device: GPUDevice | undefined;
  #encoder: GpuEncoder | undefined;

  /** @param pipelines of the device that the session runs on; absent when it runs on the CPU */
  constructor(ort: Ort, session: InferenceSession, pipelines: EncodePipelines | undefined) {
    this.#ort = ort;
    this.#session = session;
    this.#device = pipelines?.device;
    this.#encoder = pipelines && new GpuEncoder(pipelines);
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  /** The first run compiles shaders and allocates, and so do the first codecs; zeros do for that. @returns ms of all */
  async warmUp(inputs: readonly TensorInfo[]): Promise<number> {
    const feeds: Record<string, Tensor> = {};
    for (const name of this.inputNames) {
      const info = inputs.find((input) => input.name === name);
      if (!info) throw new Error(`the head reads ${name}, which is no input of the graph`);
      feeds[name] = toTensor(this.#ort, { ...info, bytes: new Uint8Array(tensorBytes(info.type, info.dims)) });
    }
    const startMs = performance.now();
    const results = await this.#session.run(feeds);
    try {
      const outputs = Object.entries(results).map(([name, tensor]) => ({ name, tensor }));
      for (const { tensor } of outputs.filter((output) => !isOnGpu(output))) await tensor.getData();
      const onGpu = outputs.filter(isOnGpu);
      for (const codec of ['f16', 'u8'] as const) await this.#encodeOnGpu(onGpu, { codec, known: new Set([codec]) });
    } finally {
      for (const tensor of Object.values(results)) tensor.dispose();
    }
    return performance.now() - startMs;
  }

  async run({ feeds, fetches, encode }: RunCall): Promise<RunResult> {
    const given: Record<string, Tensor> = {};
    for (const feed of feeds) given[feed.name] = toTensor(this.#ort, feed);
    const startMs = performance.now();
    const results = await this.#session.run(given, fetches);
    try {
      const outputs = fetches.map((name) => {
        const tensor = results[name];
        if (!tensor) throw new Error(`the head gave no output ${name}`);
        return { name, tensor };
      });
      return await this.#collect(outputs, encode, startMs);
    } finally {
      // Also those on the GPU: whatever reads them was submitted before their memory is used again.
      for (const tensor of Object.values(results)) tensor.dispose();
    }
  }

  async release(): Promise<void> {
    this.#encoder?.destroy();
    this.#encoder = undefined;
    await this.#session.release();
  }

  /**
   * `run` resolves before the GPU has finished. When it has is asked for before the codec is submitted behind the head, and
   * looked at when the codec is through: that tells their times apart without a wait between them.
   */
  async #collect(outputs: readonly Output[], order: EncodeOrder | undefined, startMs: number): Promise<RunResult> {
    const travels = new Set(order?.names);
    const onGpu = outputs.filter(isOnGpu);
    const gpuDone =
      onGpu.length > 0 ? this.#device?.queue.onSubmittedWorkDone().then(() => performance.now()) : undefined;
    const encoding =
      order &&
      this.#encodeOnGpu(
        onGpu.filter(({ name }) => travels.has(name)),
        order,
      );
    // Awaited below; a failure of something else must not leave it unheard.
    encoding?.catch(() => {});
    const read = new Map<string, TensorMessage>();
    for (const { name, tensor } of outputs.filter((output) => !isOnGpu(output))) {
      read.set(name, await fromTensor(name, tensor));
    }
    const ranAtMs = (await gpuDone) ?? performance.now();
    const encoded = new Map(await encoding);
    for (const output of outputs) {
      const { name, tensor } = output;
      if (encoded.has(name)) continue;
      const message = read.get(name) ?? (await fromTensor(name, tensor));
      read.set(name, message);
      if (order && travels.has(name)) encoded.set(name, await encode(message, order.codec, order.known));
    }
    return {
      outputs: [...read.values()].filter(({ name }) => !travels.has(name)),
      encoded: [...encoded.values()],
      headMs: ranAtMs - startMs,
      encodeMs: performance.now() - ranAtMs,
    };
  }

  /** Those that the GPU could encode. Where it fails once the CPU encodes from then on: a codec never fails an inference. */
  async #encodeOnGpu(
    outputs: readonly Output[],
    { codec, known }: Omit<EncodeOrder, 'names'>,
  ): Promise<Map<string, EncodedTensor>> {
    const encoded = new Map<string, EncodedTensor>();
    if (!this.#encoder || outputs.length === 0) return encoded;
    const tensors = outputs.map(({ name, tensor }) => ({
      name,
      type: tensor.type as TensorType,
      dims: [...tensor.dims],
      buffer: tensor.gpuBuffer as GPUBuffer,
    }));
    try {
      for (const plain of await this.#encoder.encode(tensors, numbersOf(codec, known))) {
        encoded.set(plain.header.name, await compress(plain, codec, known));
      }
    } catch {
      encoded.clear();
      this.#encoder?.destroy();
      this.#encoder = undefined;
    }
    return encoded;
  }
}

function isOnGpu({ tensor }: Output): boolean {
  return tensor.location === 'gpu-buffer';
}
