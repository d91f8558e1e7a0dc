import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { build, type PreviewServer, preview } from 'vite';

type Client = typeof import('@cutpoint/client');
type Protocol = typeof import('@cutpoint/protocol');
type GpuTensor = import('@cutpoint/client').GpuTensor;
type NumberCodec = import('@cutpoint/protocol').NumberCodec;

/** What `fixtures/gpu-codecs/main.js` puts within reach of a test. */
type Codecs = Pick<Client, 'EncodePipelines' | 'GpuEncoder'> &
  Pick<Protocol, 'checkTensorHeaders' | 'decodeTensor' | 'encodeTensor'>;

/** What {@link openGpuCodecs} adds to it. */
interface Bench {
  readonly device: GPUDevice;
  /** A tensor over a GPU buffer of its own: destroy that. */
  upload(name: string, type: GpuTensor['type'], dims: readonly number[], data: ArrayBufferView): GpuTensor;
  /** Encodes on the GPU and on the CPU. */
  compare(
    encoder: InstanceType<Client['GpuEncoder']>,
    type: 'float32' | 'float16',
    data: Float32Array | Uint16Array,
    codec: NumberCodec,
  ): Promise<Comparison>;
  /** The same numbers in every run, in [0, 1). */
  random(seed: number): () => number;
}

/** One tensor as GPU and CPU encode it. */
export interface Comparison {
  /** As JSON, where there is one zero. */
  readonly gpuHeader: string;
  readonly cpuHeader: string;
  readonly gpuBytes: number;
  readonly cpuBytes: number;
  /** What the edge would find wrong with the header. */
  readonly wrong: string | undefined;
  /** Bytes that differ, and by how much at most. */
  readonly differences: number;
  readonly worstStep: number;
  /** How far from halfway between two levels numbers lie at most whose levels differ, in levels. */
  readonly worstTie: number;
  /** What the edge decodes against the tensor, in steps of the scale; only for numbers that travel as u8. */
  readonly worstErrorSteps: number;
  /** Bytes of what the edge decodes. */
  readonly decodedBytes: number;
  /** A second one is made for a tensor that the GPU cannot encode. */
  readonly readBacks: number;
}

declare global {
  var codecs: Codecs;
  var bench: Bench;
}

/** Serves the page with the codecs, built as an app would be. */
export async function serveGpuCodecs(): Promise<PreviewServer & { readonly url: string }> {
  const root = fileURLToPath(new URL('./fixtures/gpu-codecs', import.meta.url));
  const outDir = await mkdtemp(join(tmpdir(), 'cutpoint-gpu-codecs-'));
  const common = { configFile: false, logLevel: 'error', root } as const;
  const built = { outDir, target: 'es2023', emptyOutDir: true } as const;
  await build({ ...common, build: built, worker: { format: 'es' } });
  const server = await preview({ ...common, build: built, preview: { host: '127.0.0.1', port: 0 } });
  const address = server.httpServer.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return Object.assign(server, { url: `http://127.0.0.1:${address.port}/` });
}

/** Opens the page with a device of its own. */
export async function openGpuCodecs(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => 'codecs' in globalThis);
  await page.evaluate(async () => {
    const { checkTensorHeaders, decodeTensor, encodeTensor } = globalThis.codecs;
    const FLOATS_AS_HALVES = { name: 't', type: 'float32', codec: 'f16' } as const;
    let readBacks = 0;
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (...given) {
      readBacks += 1;
      return mapAsync.apply(this, given);
    };
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error('no adapter');
    const device = await adapter.requestDevice();
    const upload: Bench['upload'] = (name, type, dims, data) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const buffer = device.createBuffer({
        size: Math.max(4, Math.ceil(bytes.byteLength / 4) * 4),
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
        mappedAtCreation: true,
      });
      new Uint8Array(buffer.getMappedRange()).set(bytes);
      buffer.unmap();
      return { name, type, dims: [...dims], buffer };
    };
    /** By the protocol's own decoder of halves: raw f16 bytes are a float32 tensor that travelled as f16. */
    const widened = (data: Float32Array | Uint16Array): Float32Array => {
      if (data instanceof Float32Array) return data;
      const header = { ...FLOATS_AS_HALVES, dims: [data.length], numBytes: data.byteLength };
      return new Float32Array(decodeTensor(header, new Uint8Array(data.slice().buffer)).buffer);
    };
    const compare: Bench['compare'] = async (encoder, type, data, codec) => {
      const dims = [data.length];
      const tensor = upload('t', type, dims, data);
      readBacks = 0;
      const [gpu] = await encoder.encode([tensor], codec);
      tensor.buffer.destroy();
      if (!gpu) throw new Error('nothing was encoded');
      const cpu = encodeTensor({ name: 't', type, dims, data }, codec);
      const values = widened(data);
      const { scale = 0, min = 0 } = cpu.header;
      let [differences, worstStep, worstTie, worstErrorSteps] = [0, 0, 0, 0];
      for (let index = 0; index < cpu.bytes.byteLength; index++) {
        const step = Math.abs((gpu.bytes[index] ?? Number.NaN) - (cpu.bytes[index] ?? 0));
        if (step === 0) continue;
        differences += 1;
        worstStep = Math.max(worstStep, step);
        const level = ((values[index] ?? 0) - min) / scale;
        worstTie = Math.max(worstTie, Math.abs(level - Math.floor(level) - 0.5));
      }
      const decoded = decodeTensor(gpu.header, gpu.bytes.slice());
      if (gpu.header.codec === 'u8' && type === 'float32' && scale > 0) {
        const numbers = new Float32Array(decoded.buffer);
        for (let index = 0; index < values.length; index++) {
          const error = Math.abs((numbers[index] ?? Number.NaN) - (values[index] ?? 0));
          worstErrorSteps = Math.max(worstErrorSteps, error / scale);
        }
      }
      const [gpuHeader, cpuHeader] = [gpu.header, cpu.header].map((header) =>
        JSON.stringify(header, Object.keys(header).sort()),
      );
      return {
        gpuHeader: gpuHeader ?? '',
        cpuHeader: cpuHeader ?? '',
        gpuBytes: gpu.bytes.byteLength,
        cpuBytes: cpu.bytes.byteLength,
        wrong: checkTensorHeaders([gpu.header], gpu.bytes.byteLength)?.message,
        differences,
        worstStep,
        worstTie,
        worstErrorSteps,
        decodedBytes: decoded.byteLength,
        readBacks,
      };
    };
    const random: Bench['random'] = (seed) => {
      let state = seed;
      return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
      };
    };
    globalThis.bench = { device, upload, compare, random };
  });
}
