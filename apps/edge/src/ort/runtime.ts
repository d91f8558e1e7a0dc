import type { OnnxRuntime } from '@cutpoint/onnx';

export interface NodeRuntimeOptions {
  /**
   * Folder for graphs while they are opened. Packs that graphs name must lie in it: onnxruntime finds external data
   * beside the model file and maps it instead of reading it.
   */
  readonly dir: string;
  /** Threads of one session; onnxruntime's default when left out. */
  readonly threads?: number;
}

/** `OnnxRuntime` on onnxruntime-node, which blocks the calling thread while it creates and runs. */
export declare function createNodeRuntime(options: NodeRuntimeOptions): OnnxRuntime;
