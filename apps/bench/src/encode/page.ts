import { EncodePipelines, GpuEncoder, type GpuTensor } from '@cutpoint/client';
import { encodeTensor } from '@cutpoint/protocol';

/** Runs inside the browser, bundled with the client's own codecs. */

export interface EncodeRequest {
  readonly codec: 'u8' | 'f16';
  /** Of f32. */
  readonly numBytes: number;
  readonly warmUpRuns: number;
  readonly runs: number;
}

/** Each from a tensor in the GPU's memory to encoded bytes in the page's, in ms, one entry a run. */
export interface EncodeTimes {
  readonly gpuMs: readonly number[];
  /** The f32 tensor read back, then encoded. */
  readonly cpuMs: readonly number[];
  /** The part of it that is the read-back. */
  readonly readBackMs: readonly number[];
}

export interface AdapterFacts {
  readonly name: string;
  /** It runs on the CPU: its figures say nothing of real GPUs. */
  readonly isSoftware: boolean;
}

export interface EncodePage {
  /** `undefined` without an adapter. */
  open(): Promise<AdapterFacts | undefined>;
  time(request: EncodeRequest): Promise<EncodeTimes>;
}

let device: GPUDevice | undefined;

/** What a ReLU leaves of noise: half of it zeros. */
function upload(gpu: GPUDevice, numBytes: number): GpuTensor {
  const count = numBytes / 4;
  const buffer = gpu.createBuffer({
    size: numBytes,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
    mappedAtCreation: true,
  });
  const numbers = new Float32Array(buffer.getMappedRange());
  for (let index = 0; index < count; index++) numbers[index] = Math.max(0, Math.random() * 12 - 6);
  buffer.unmap();
  return { name: 't', type: 'float32', dims: [count], buffer };
}

const encodePage: EncodePage = {
  async open() {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return undefined;
    device = await adapter.requestDevice();
    const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
    const name = description || [vendor, architecture].filter(Boolean).join(' ');
    return { name, isSoftware: isFallbackAdapter || /swiftshader|llvmpipe|warp/i.test(name) };
  },
  async time({ codec, numBytes, warmUpRuns, runs }) {
    if (!device) throw new Error('open first');
    const pipelines = new EncodePipelines(device);
    // One for each way, so that neither inherits the other's buffers.
    const [encoder, reader] = [new GpuEncoder(pipelines), new GpuEncoder(pipelines)];
    const tensor = upload(device, numBytes);
    const times = { gpuMs: [] as number[], cpuMs: [] as number[], readBackMs: [] as number[] };
    const onGpu = async (isCounted: boolean) => {
      const startMs = performance.now();
      await encoder.encode([tensor], codec);
      if (isCounted) times.gpuMs.push(performance.now() - startMs);
    };
    const onCpu = async (isCounted: boolean) => {
      const startMs = performance.now();
      const [raw] = await reader.encode([tensor], 'raw');
      const readMs = performance.now();
      if (!raw) throw new Error('nothing was read back');
      encodeTensor({ name: 't', type: 'float32', dims: [...tensor.dims], data: raw.bytes }, codec);
      if (!isCounted) return;
      times.readBackMs.push(readMs - startMs);
      times.cpuMs.push(performance.now() - startMs);
    };
    for (let run = -warmUpRuns; run < runs; run++) {
      const ways = run % 2 === 0 ? [onGpu, onCpu] : [onCpu, onGpu];
      for (const way of ways) await way(run >= 0);
    }
    encoder.destroy();
    reader.destroy();
    tensor.buffer.destroy();
    return times;
  },
};

Object.assign(globalThis, { encodePage });
