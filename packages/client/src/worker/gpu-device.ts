import { NO_ADAPTER, type Remembered } from '../device/device-memory.js';
import { mostThreads } from '../device/threads.js';
import type { DeviceChoice } from '../session.js';
import type { ProbeCall } from './messages.js';

/** A browser may never answer when its GPU process hangs. */
const ADAPTER_TIMEOUT_MS = 5000;

type Wish = Pick<ProbeCall, 'device' | 'threads' | 'remembered'>;

export interface ProbedDevice {
  readonly choice: DeviceChoice;
  readonly adapter?: GPUAdapter;
}

/** Chooses where heads run, without loading anything. */
export async function probeDevice({
  device: wanted,
  threads = mostThreads(),
  remembered,
}: Wish): Promise<ProbedDevice> {
  const wasm = (reason: string): ProbedDevice => ({ choice: { kind: 'wasm', build: 'wasm', threads, reason } });
  if (wanted === 'wasm') return wasm('WASM was asked for.');
  const gpu = 'gpu' in navigator ? navigator.gpu : undefined;
  const adapter = gpu && (await requestAdapter(gpu));
  const name = adapter ? adapterName(adapter) : NO_ADAPTER;
  const known = remembered?.find((one) => one.adapter === name && one.mostThreads === mostThreads());
  const found = adapter ? onAdapter(adapter, threads) : wasm(whyNoAdapter(adapter));
  return known ? asMeasured(found, known) : found;
}

/** Where it was measured that the CPU is faster the adapter is left alone. */
function asMeasured(found: ProbedDevice, { kind, threads, measured }: Remembered): ProbedDevice {
  const choice = { ...found.choice, measured };
  return kind === 'webgpu' ? { ...found, choice } : { choice: { ...choice, kind, build: 'wasm', threads } };
}

function onAdapter(adapter: GPUAdapter, threads: number): ProbedDevice {
  const build = 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
  const name = adapterName(adapter);
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|warp/i.test(name);
  const reason = software
    ? `WebGPU on a software adapter (${name}): correct, and slow.`
    : `WebGPU on ${name || 'this graphics adapter'}.`;
  return { adapter, choice: { kind: 'webgpu', build, threads, adapter: name, reason } };
}

function whyNoAdapter(asked: null | undefined): string {
  if (asked === null) return 'WebGPU found no graphics adapter, so the head runs on the CPU (WASM).';
  return isSecureContext
    ? 'This browser has no WebGPU, so the head runs on the CPU (WASM).'
    : 'WebGPU needs https or localhost, so the head runs on the CPU (WASM).';
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

async function requestAdapter(gpu: GPU): Promise<GPUAdapter | null> {
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), ADAPTER_TIMEOUT_MS));
  const asked = gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  return Promise.race([asked, late]);
}

function adapterName(adapter: GPUAdapter): string {
  const { vendor, architecture, description } = adapter.info;
  return description || [vendor, architecture].filter(Boolean).join(' ');
}
