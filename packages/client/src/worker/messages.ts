import type { Codec } from '@cutpoint/partition';
import type { EncodedTensor, TensorInfo } from '@cutpoint/protocol';
import type { Remembered } from '../device/device-memory.js';
import type { DeviceChoice } from '../session.js';
import type { OrtBuilds } from './ort-files.js';

/** What the page and its runtime worker say to each other. Every call has an id and gets one answer. */

/** A tensor as it travels between the threads: its own little-endian bytes. */
export interface TensorMessage extends TensorInfo {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ProbeCall {
  readonly type: 'probe';
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** Of WASM, instead of the default. */
  readonly threads?: number;
  /** With `auto`: what was measured of the model, the newest first. */
  readonly remembered?: readonly Remembered[];
  /** What to load later, whichever the choice. */
  readonly ort: OrtBuilds;
}

/** Loads onnxruntime-web; the other calls do so by themselves. */
export interface LoadCall {
  readonly type: 'load';
}

export interface CreateCall {
  readonly type: 'create';
  /** Names the head from now on. */
  readonly key: string;
  readonly graph: Uint8Array<ArrayBuffer>;
  /** External data by the file name that the graph uses: the sha256 of the pack. */
  readonly packs: readonly { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
  /** Types and dimensions of the inputs, to warm up with zeros. */
  readonly inputs: readonly TensorInfo[];
  /** Where to run; `webgpu` falls back to `wasm` when the graph cannot be built there. */
  readonly provider: 'webgpu' | 'wasm';
  /**
   * Outputs that the page has no use for as they are: on WebGPU they stay in the GPU's memory until they are encoded. Of
   * types that onnxruntime-web leaves there: float32 and float16 are.
   */
  readonly onGpu?: readonly string[];
  /** An inference waits for it, and the server of onnxruntime-web may be gone: where that is already, beside whatever runs there. */
  readonly isUrgent?: boolean;
  /** Heads that are released before it is built, wherever they are: their memory is free for it. */
  readonly instead?: readonly string[];
}

export interface RunCall {
  readonly type: 'run';
  readonly key: string;
  readonly feeds: readonly TensorMessage[];
  readonly fetches: readonly string[];
  /** Those of {@link fetches} that will travel, and how. */
  readonly encode?: EncodeOrder;
  /** What the run and the codec are predicted to take, for those that come after it. */
  readonly expectedMs?: number;
  /** No inference: it tells the page's end nothing of which head is in use. */
  readonly isTrial?: boolean;
}

export interface EncodeOrder {
  readonly names: readonly string[];
  readonly codec: Codec;
  /** What the edge reads beyond raw tensors. */
  readonly known: ReadonlySet<string>;
}

export interface ReleaseCall {
  readonly type: 'release';
  readonly key: string;
}

export type Call = ProbeCall | LoadCall | CreateCall | RunCall | ReleaseCall;

export interface CreateResult {
  readonly inputNames: readonly string[];
  readonly provider: 'webgpu' | 'wasm';
  /** Why WebGPU was not used although it was asked for. */
  readonly fallbackReason?: string;
  readonly warmUpMs: number;
}

export interface RunResult {
  /** Those that do not travel. */
  readonly outputs: readonly TensorMessage[];
  readonly encoded: readonly EncodedTensor[];
  /**
   * The run itself, without waiting for its turn: until its outputs are read back, or until the GPU has finished when some
   * stay there.
   */
  readonly headMs: number;
  /** From then on: what the codec did on GPU and CPU, and the read-back of what stayed on the GPU. */
  readonly encodeMs: number;
}

export interface Results {
  probe: DeviceChoice;
  load: { readonly ms: number; readonly version: string };
  create: CreateResult;
  run: RunResult;
  release: null;
}

export interface CallMessage {
  readonly id: number;
  readonly call: Call;
}

/** Takes a call back if it has not begun. */
export interface CancelMessage {
  readonly id: number;
  readonly cancel: true;
}

export type AnswerMessage =
  | { readonly id: number; readonly ok: true; readonly value: Results[keyof Results] }
  | { readonly id: number; readonly ok: false; readonly message: string; readonly isUnavailable: boolean }
  | { readonly deviceLost: string };
