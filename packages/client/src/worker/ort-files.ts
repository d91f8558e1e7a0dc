import type { DeviceChoice } from '../session.js';

/** Where one build of onnxruntime-web lies. */
export interface OrtFiles {
  readonly module: string;
  /** Absent where it lies beside the module under its own name, as onnxruntime-web expects it. */
  readonly wasm?: string;
}

export type OrtBuilds = Readonly<Record<DeviceChoice['build'], OrtFiles>>;

/**
 * The addresses of onnxruntime-web's builds, which the worker imports when it needs one. They are found on the page,
 * because import maps do not reach workers; and as files rather than by `import`, because a bundler that knows nothing of
 * this package makes one script of a worker and refuses an `import()` there.
 *
 * Where nothing was bundled the page's import map knows them. A bundler puts the addresses of its copies in the place of
 * `new URL('…', import.meta.url)`, which has to stand here to the letter; the wasm goes by another name there.
 */
export function ortBuilds(): OrtBuilds {
  return {
    jspi: mapped('jspi') ?? {
      module: new URL('onnxruntime-web/jspi', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm', import.meta.url).href,
    },
    asyncify: mapped('webgpu') ?? {
      module: new URL('onnxruntime-web/webgpu', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url).href,
    },
    wasm: mapped('wasm') ?? {
      module: new URL('onnxruntime-web/wasm', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.wasm', import.meta.url).href,
    },
  };
}

function mapped(build: string): OrtFiles | undefined {
  try {
    return { module: import.meta.resolve(`onnxruntime-web/${build}`) };
  } catch {
    // No import map names it, or there is no such function.
    return undefined;
  }
}
