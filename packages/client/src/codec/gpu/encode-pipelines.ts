import { F16_SHADER, type FloatType, u8Shader, WORKGROUP_SIZE } from './shaders.js';

export type GpuCodec = 'f16' | 'u8';

/** Each thread goes through the tensor in strides, so that no size meets the limit of a dispatch. */
const MAX_WORKGROUPS = 1024;
/** Fewer where every thread ends with an atomic operation on the same three words. */
const MAX_RANGE_WORKGROUPS = 64;

/** One shader over all of a tensor. */
export interface Pass {
  readonly pipeline: GPUComputePipeline;
  /** How many of the tensor's numbers one thread takes at a time. */
  readonly numbersPerThread: number;
  readonly maxWorkgroups: number;
}

/** The compiled codecs of one device, each compiled when first asked for. They hold no memory that tensors take. @internal */
export class EncodePipelines {
  readonly device: GPUDevice;
  readonly bindGroupLayout: GPUBindGroupLayout;
  readonly #layout: GPUPipelineLayout;
  readonly #compiled = new Map<string, Promise<readonly Pass[]>>();

  constructor(device: GPUDevice) {
    this.device = device;
    const visibility = GPUShaderStage.COMPUTE;
    this.bindGroupLayout = device.createBindGroupLayout({
      label: 'cutpoint-codec',
      entries: [
        { binding: 0, visibility, buffer: { type: 'read-only-storage' } },
        { binding: 1, visibility, buffer: { type: 'storage' } },
      ],
    });
    this.#layout = device.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout] });
  }

  /** The passes of a codec, in their order. Rejects with a `GPUPipelineError` where the device cannot compile them. */
  passesOf(codec: GpuCodec, type: FloatType): Promise<readonly Pass[]> {
    const key = `${codec} of ${type}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = codec === 'u8' ? this.#compileU8(type) : this.#compileF16();
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }

  #compileU8(type: FloatType): Promise<readonly Pass[]> {
    const module = this.device.createShaderModule({ label: `cutpoint-u8-${type}`, code: u8Shader(type) });
    return Promise.all([
      this.#compile(module, 'findRange', 1, MAX_RANGE_WORKGROUPS),
      this.#compile(module, 'quantise', 4, MAX_WORKGROUPS),
    ]);
  }

  #compileF16(): Promise<readonly Pass[]> {
    const module = this.device.createShaderModule({ label: 'cutpoint-f16', code: F16_SHADER });
    return Promise.all([this.#compile(module, 'roundToHalves', 2, MAX_WORKGROUPS)]);
  }

  async #compile(
    module: GPUShaderModule,
    entryPoint: string,
    numbersPerThread: number,
    maxWorkgroups: number,
  ): Promise<Pass> {
    const pipeline = await this.device.createComputePipelineAsync({
      label: `cutpoint-${entryPoint}`,
      layout: this.#layout,
      compute: { module, entryPoint },
    });
    return { pipeline, numbersPerThread, maxWorkgroups };
  }
}

/** Workgroups of a pass over so many numbers. */
export function workgroupsOf(count: number, { numbersPerThread, maxWorkgroups }: Pass): number {
  return Math.min(maxWorkgroups, Math.ceil(count / (WORKGROUP_SIZE * numbersPerThread)));
}
