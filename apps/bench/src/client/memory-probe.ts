/** Runs inside the browser's worker and page, sent there as it stands: it may use nothing from outside itself. */

export interface MemorySizes {
  /** Of JavaScript, with what its buffers hold. */
  readonly heapBytes: number;
  /** Of all WebAssembly memories that were made since the probe was put in. */
  readonly wasmBytes: number;
  /** Of graphics buffers that were neither destroyed nor collected. */
  readonly gpuBytes: number;
}

interface Probe {
  sizes(): Promise<MemorySizes>;
}

declare global {
  /** Put there by {@link installMemoryProbe}. */
  var memoryProbe: Probe | undefined;
}

/** Before anything is made that is to be counted. */
export function installMemoryProbe(): void {
  // A browser that was started for this has both.
  const scope = globalThis as unknown as {
    gc(): void;
    performance: { readonly memory: { readonly usedJSHeapSize: number } };
  };
  const memories: WebAssembly.Memory[] = [];
  const Plain = WebAssembly.Memory;
  WebAssembly.Memory = class extends Plain {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  let gpuBytes = 0;
  if (typeof GPUDevice !== 'undefined') {
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
  }
  globalThis.memoryProbe = {
    async sizes() {
      // What becomes free only when finalisers have run goes with the second.
      for (let pass = 0; pass < 3; pass++) {
        scope.gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return {
        heapBytes: scope.performance.memory.usedJSHeapSize,
        wasmBytes: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
        gpuBytes,
      };
    },
  };
}
