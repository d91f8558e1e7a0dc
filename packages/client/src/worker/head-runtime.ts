import { type EncodedTensor, type TensorInfo, type TensorType, tensorArray, tensorBytes } from '@cutpoint/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { encode } from '../codec/encode.js';
import type { DeviceChoice } from '../session.js';
import { probeDevice, requestDevice } from './gpu-device.js';
import { importOrt, type Ort } from './import-ort.js';
import type { CreateCall, CreateResult, ProbeCall, RunCall, RunResult, TensorMessage } from './messages.js';
import type { OrtBuilds } from './ort-files.js';
import { SMALLEST_GRAPH } from './smallest-graph.js';

/** onnxruntime-web itself did not arrive or did not start. It remembers that for ever: only a new worker can try again. */
export class RuntimeUnavailable extends Error {}

/** What onnxruntime says when its wasm could not be fetched or compiled. */
const NO_BACKEND = 'no available backend found';

/** Heads on onnxruntime-web. Calls must not overlap: see {@link SerialQueue}. */
export class HeadRuntime {
  readonly #onDeviceLost: (reason: string) => void;
  readonly #heads = new Map<string, InferenceSession>();
  #choice: DeviceChoice | undefined;
  #builds: OrtBuilds | undefined;
  #adapter: GPUAdapter | undefined;
  #device: GPUDevice | undefined;
  #ort: Ort | undefined;

  constructor(onDeviceLost: (reason: string) => void) {
    this.#onDeviceLost = onDeviceLost;
  }

  async probe(call: ProbeCall): Promise<DeviceChoice> {
    const { choice, adapter } = await probeDevice(call.device);
    this.#choice = choice;
    this.#builds = call.ort;
    this.#adapter = adapter;
    return choice;
  }

  /** Fetches and starts onnxruntime-web, once. */
  async load(): Promise<Ort> {
    if (this.#ort) return this.#ort;
    const choice = this.#choice;
    const files = choice && this.#builds?.[choice.build];
    if (!files) throw new Error('probe first');
    const ort = await importOrt(files).catch((cause: unknown) => {
      throw new RuntimeUnavailable(messageOf(cause), { cause });
    });
    ort.env.wasm.numThreads = choice.threads;
    ort.env.logLevel = 'error';
    // Any failure counts: this graph has nothing that could be wrong.
    const session = await ort.InferenceSession.create(SMALLEST_GRAPH, { executionProviders: ['wasm'] }).catch(
      (cause: unknown) => {
        throw new RuntimeUnavailable(messageOf(cause), { cause });
      },
    );
    await session.release();
    this.#ort = ort;
    return ort;
  }

  async create(call: CreateCall): Promise<CreateResult> {
    const ort = await this.load();
    if (call.provider === 'wasm') return this.#build(ort, call, 'wasm');
    try {
      return await this.#build(ort, call, 'webgpu');
    } catch (error) {
      if (error instanceof RuntimeUnavailable) throw error;
      const fallbackReason = messageOf(error);
      return { ...(await this.#build(ort, call, 'wasm')), fallbackReason };
    }
  }

  async run(call: RunCall): Promise<RunResult> {
    const ort = await this.load();
    const session = this.#heads.get(call.key);
    if (!session) throw new Error(`no head ${call.key}`);
    const feeds: Record<string, Tensor> = {};
    for (const feed of call.feeds) feeds[feed.name] = toTensor(ort, feed);
    const startMs = performance.now();
    // `run` resolves before the GPU has finished; the wait is in `getData`.
    const results = await session.run(feeds, call.fetches);
    const outputs: TensorMessage[] = [];
    for (const name of call.fetches) {
      const tensor = results[name];
      if (!tensor) throw new Error(`the head gave no output ${name}`);
      outputs.push(await fromTensor(name, tensor));
    }
    const ranAtMs = performance.now();
    const names = new Set(call.encode?.names);
    const encoded: EncodedTensor[] = [];
    for (const output of outputs) {
      if (call.encode && names.has(output.name))
        encoded.push(await encode(output, call.encode.codec, call.encode.known));
    }
    return {
      outputs: outputs.filter(({ name }) => !names.has(name)),
      encoded,
      headMs: ranAtMs - startMs,
      encodeMs: performance.now() - ranAtMs,
    };
  }

  async release(key: string): Promise<void> {
    const session = this.#heads.get(key);
    this.#heads.delete(key);
    await session?.release();
  }

  async #build(ort: Ort, call: CreateCall, provider: 'webgpu' | 'wasm'): Promise<CreateResult> {
    const options = {
      executionProviders: [provider === 'webgpu' ? { name: 'webgpu', device: await this.#gpuDevice() } : 'wasm'],
      externalData: call.packs.map(({ path, bytes }) => ({ path, data: bytes })),
      // Sessions have a level of their own: that shape nodes of a head stay on the CPU is no error of anybody's.
      logSeverityLevel: 3,
    };
    // The cast: `device` is missing in the options' type, and read by the provider.
    const creating = ort.InferenceSession.create(call.graph, options as InferenceSession.SessionOptions);
    const session = await creating.catch((cause: unknown) => {
      const message = messageOf(cause);
      throw message.includes(NO_BACKEND) ? new RuntimeUnavailable(message, { cause }) : cause;
    });
    try {
      const inputNames = [...session.inputNames];
      const warmUpMs = await warmUp(ort, session, call.inputs);
      await this.release(call.key);
      this.#heads.set(call.key, session);
      return { inputNames, provider, warmUpMs };
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async #gpuDevice(): Promise<GPUDevice> {
    if (this.#device) return this.#device;
    if (!this.#adapter) throw new Error('there is no WebGPU adapter');
    const device = await requestDevice(this.#adapter);
    this.#device = device;
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') this.#onDeviceLost(message || 'the graphics device was lost');
    });
    return device;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first run compiles shaders and allocates; zeros do for that. */
async function warmUp(ort: Ort, session: InferenceSession, inputs: readonly TensorInfo[]): Promise<number> {
  const feeds: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const info = inputs.find((input) => input.name === name);
    if (!info) throw new Error(`the head reads ${name}, which is no input of the graph`);
    feeds[name] = toTensor(ort, { ...info, bytes: new Uint8Array(tensorBytes(info.type, info.dims)) });
  }
  const startMs = performance.now();
  const results = await session.run(feeds);
  for (const tensor of Object.values(results)) {
    await tensor.getData();
    tensor.dispose();
  }
  return performance.now() - startMs;
}

function toTensor(ort: Ort, { type, dims, bytes }: TensorMessage | Omit<TensorMessage, 'name'>): Tensor {
  // The constructor has one overload a type; the array is the one that belongs to `type`.
  return new ort.Tensor(type as 'float32', tensorArray(type, bytes) as Float32Array, [...dims]);
}

async function fromTensor(name: string, tensor: Tensor): Promise<TensorMessage> {
  const data = await tensor.getData();
  if (Array.isArray(data)) throw new Error(`output ${name} holds strings, which cannot travel`);
  // Copied out of the wasm heap, so that its buffer can be handed to the page.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const { dims, type } = tensor;
  tensor.dispose();
  return { name, type: type as TensorType, dims: [...dims], bytes };
}
