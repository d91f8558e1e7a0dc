import type { InferenceSession } from 'onnxruntime-common';
import { EncodePipelines } from '../codec/gpu/encode-pipelines.js';
import type { DeviceChoice } from '../session.js';
import { BuiltHead } from './built-head.js';
import { probeDevice, requestDevice } from './gpu-device.js';
import { importOrt, type Ort } from './import-ort.js';
import type { CreateCall, CreateResult, ProbeCall, RunCall, RunResult } from './messages.js';
import type { OrtBuilds } from './ort-files.js';
import { SMALLEST_GRAPH } from './smallest-graph.js';

/** onnxruntime-web itself did not arrive or did not start. It remembers that for ever: only a new worker can try again. */
export class RuntimeUnavailable extends Error {}

/** What onnxruntime says when its wasm could not be fetched or compiled. */
const NO_BACKEND = 'no available backend found';

/** Heads on onnxruntime-web. Calls must not overlap: see {@link SerialQueue}. */
export class HeadRuntime {
  readonly #onDeviceLost: (reason: string) => void;
  readonly #heads = new Map<string, BuiltHead>();
  #choice: DeviceChoice | undefined;
  #builds: OrtBuilds | undefined;
  #adapter: GPUAdapter | undefined;
  /** Of the device that heads run on, and with it. */
  #pipelines: EncodePipelines | undefined;
  #ort: Ort | undefined;

  constructor(onDeviceLost: (reason: string) => void) {
    this.#onDeviceLost = onDeviceLost;
  }

  async probe(call: ProbeCall): Promise<DeviceChoice> {
    const { choice, adapter } = await probeDevice(call);
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
    const head = this.#heads.get(call.key);
    if (!head) throw new Error(`no head ${call.key}`);
    return head.run(call);
  }

  async release(key: string): Promise<void> {
    const head = this.#heads.get(key);
    this.#heads.delete(key);
    await head?.release();
  }

  async #build(ort: Ort, call: CreateCall, provider: 'webgpu' | 'wasm'): Promise<CreateResult> {
    const pipelines = provider === 'webgpu' ? await this.#gpuPipelines() : undefined;
    const onGpu = pipelines ? (call.onGpu ?? []) : [];
    const options = {
      executionProviders: [pipelines ? { name: 'webgpu', device: pipelines.device } : 'wasm'],
      externalData: call.packs.map(({ path, bytes }) => ({ path, data: bytes })),
      // Sessions have a level of their own: that shape nodes of a head stay on the CPU is no error of anybody's.
      logSeverityLevel: 3,
      ...(onGpu.length === 0
        ? {}
        : { preferredOutputLocation: Object.fromEntries(onGpu.map((name) => [name, 'gpu-buffer'])) }),
    };
    // The cast: `device` is missing in the options' type, and read by the provider.
    const creating = ort.InferenceSession.create(call.graph, options as InferenceSession.SessionOptions);
    const session = await creating.catch((cause: unknown) => {
      const message = messageOf(cause);
      throw message.includes(NO_BACKEND) ? new RuntimeUnavailable(message, { cause }) : cause;
    });
    const head = new BuiltHead(ort, session, pipelines);
    try {
      const inputNames = [...head.inputNames];
      const warmUpMs = await head.warmUp(call.inputs);
      await this.release(call.key);
      this.#heads.set(call.key, head);
      return { inputNames, provider, warmUpMs };
    } catch (error) {
      await head.release();
      throw error;
    }
  }

  async #gpuPipelines(): Promise<EncodePipelines> {
    if (this.#pipelines) return this.#pipelines;
    if (!this.#adapter) throw new Error('there is no WebGPU adapter');
    const device = await requestDevice(this.#adapter);
    const pipelines = new EncodePipelines(device);
    void device.lost.then(({ reason, message }) => {
      if (this.#pipelines === pipelines) this.#pipelines = undefined;
      // A device without heads may go: the next head asks for another one.
      if (reason === 'destroyed' && this.#heads.size === 0) return;
      this.#onDeviceLost(message || 'the graphics device was lost');
    });
    this.#pipelines = pipelines;
    return pipelines;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
