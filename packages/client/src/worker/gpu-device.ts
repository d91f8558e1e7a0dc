import type { DeviceChoice } from '../session.js';

/** A browser may never answer when its GPU process hangs. */
const ADAPTER_TIMEOUT_MS = 5000;

export interface ProbedDevice {
  readonly choice: DeviceChoice;
  readonly adapter?: GPUAdapter;
}

/** Chooses where heads run, without loading anything. */
export async function probeDevice(wanted: 'auto' | 'webgpu' | 'wasm'): Promise<ProbedDevice> {
  const threads = wasmThreads();
  const wasm = (reason: string): ProbedDevice => ({ choice: { kind: 'wasm', build: 'wasm', threads, reason } });
  if (wanted === 'wasm') return wasm('WASM was asked for.');
  const gpu = 'gpu' in navigator ? navigator.gpu : undefined;
  if (!gpu) {
    return wasm(
      isSecureContext
        ? 'This browser has no WebGPU, so the head runs on the CPU (WASM).'
        : 'WebGPU needs https or localhost, so the head runs on the CPU (WASM).',
    );
  }
  const adapter = await requestAdapter(gpu);
  if (!adapter) return wasm('WebGPU found no graphics adapter, so the head runs on the CPU (WASM).');
  const build = 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
  const name = adapterName(adapter);
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|warp/i.test(name);
  return {
    adapter,
    choice: {
      kind: 'webgpu',
      build,
      threads,
      adapter: name,
      reason: software
        ? `WebGPU on a software adapter (${name}): correct, and slow.`
        : `WebGPU on ${name || 'this graphics adapter'}.`,
    },
  };
}

/**
 * A device with all that the adapter can give: a default one stops at 128 MiB bindings. onnxruntime's own choice of
 * adapter and power preference is dropped in silence by its native provider, so the device is made here.
 */
export function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) {
    const value = adapter.limits[name];
    if (typeof value === 'number') requiredLimits[name] = value;
  }
  const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
  return adapter.requestDevice({ requiredLimits, requiredFeatures });
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];
const FEATURES = ['shader-f16', 'subgroups'] as const satisfies readonly GPUFeatureName[];

/** onnxruntime's own default: threads need SharedArrayBuffer, and that a cross-origin isolated page. */
function wasmThreads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.min(4, Math.ceil((navigator.hardwareConcurrency || 1) / 2));
}

async function requestAdapter(gpu: GPU): Promise<GPUAdapter | null> {
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), ADAPTER_TIMEOUT_MS));
  const asked = gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  return Promise.race([asked, late]);
}

function adapterName(adapter: GPUAdapter): string {
  const { vendor, architecture, description } = adapter.info;
  return description || [vendor, architecture].filter(Boolean).join(' ');
}
