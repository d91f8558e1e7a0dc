import { mappedBuild } from '../mapped-build.js';
import type { OrtBuilds } from '../ort-files.js';

/**
 * Takes the place of `../ort-files.ts` in the tarball, where this is part of `dist/index.js` and onnxruntime-web, as a
 * peer, lies beside the package. Vite's development server takes every such address for a relative one; a page that
 * nothing built, and that serves its `node_modules`, needs no import map for them.
 */
export function ortBuilds(): OrtBuilds {
  return {
    jspi: mappedBuild('jspi') ?? {
      module: new URL('../../../onnxruntime-web/dist/ort.jspi.bundle.min.mjs', import.meta.url).href,
      wasm: new URL('../../../onnxruntime-web/dist/ort-wasm-simd-threaded.jspi.wasm', import.meta.url).href,
    },
    asyncify: mappedBuild('webgpu') ?? {
      module: new URL('../../../onnxruntime-web/dist/ort.webgpu.bundle.min.mjs', import.meta.url).href,
      wasm: new URL('../../../onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url).href,
    },
    wasm: mappedBuild('wasm') ?? {
      module: new URL('../../../onnxruntime-web/dist/ort.wasm.bundle.min.mjs', import.meta.url).href,
      wasm: new URL('../../../onnxruntime-web/dist/ort-wasm-simd-threaded.wasm', import.meta.url).href,
    },
  };
}
