import type { DeviceChoice } from '../session.js';
import { mappedBuild } from './mapped-build.js';

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
 * The page's import map comes first. A bundler puts the addresses of its copies in the place of `new URL('…',
 * import.meta.url)`, which has to stand here to the letter; the wasm goes by another name there. This file serves the
 * workspaces of this repository: the tarball has those of the folders beside it.
 */
export function ortBuilds(): OrtBuilds {
  return {
    jspi: mappedBuild('jspi') ?? {
      module: new URL('onnxruntime-web/jspi', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm', import.meta.url).href,
    },
    asyncify: mappedBuild('webgpu') ?? {
      module: new URL('onnxruntime-web/webgpu', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url).href,
    },
    wasm: mappedBuild('wasm') ?? {
      module: new URL('onnxruntime-web/wasm', import.meta.url).href,
      wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.wasm', import.meta.url).href,
    },
  };
}
