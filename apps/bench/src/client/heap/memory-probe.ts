/** Runs inside the browser's worker, sent there as it stands: it may use nothing from outside itself. */

export interface BufferSizes {
  /** Of all WebAssembly memories that were made since the probe was put in. */
  readonly wasmBytes: number;
  /** Of graphics buffers that were neither destroyed nor collected. */
  readonly gpuBytes: number;
}

declare global {
  /** Put there by {@link installMemoryProbe}. */
  var bufferSizes: (() => BufferSizes) | undefined;
}

/** Before anything is made that is to be counted, best before the worker's own script. */
export function installMemoryProbe(): void {
  const memories: WebAssembly.Memory[] = [];
  let gpuBytes = 0;
  let isGpuCounted = false;
  const countGpu = () => {
    if (isGpuCounted || typeof GPUDevice === 'undefined') return;
    isGpuCounted = true;
    const sizes = new Map<number, number>();
    const ids = new WeakMap<GPUBuffer, number>();
    const forget = (id: number) => {
      gpuBytes -= sizes.get(id) ?? 0;
      sizes.delete(id);
    };
    const collected = new FinalizationRegistry<number>(forget);
    const { createBuffer } = GPUDevice.prototype;
    const { destroy } = GPUBuffer.prototype;
    let nextId = 1;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      const id = nextId++;
      ids.set(buffer, id);
      sizes.set(id, buffer.size);
      gpuBytes += buffer.size;
      collected.register(buffer, id);
      return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
      forget(ids.get(this) ?? 0);
      return destroy.call(this);
    };
  };
  const Plain = WebAssembly.Memory;
  WebAssembly.Memory = class extends Plain {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
      // Before the worker's script there is no GPUDevice; onnxruntime-web makes its memory before its first buffer.
      countGpu();
    }
  };
  globalThis.bufferSizes = () => ({
    wasmBytes: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    gpuBytes,
  });
}
