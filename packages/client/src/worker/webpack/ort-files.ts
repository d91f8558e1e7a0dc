import type { OrtBuilds } from '../ort-files.js';

/**
 * Takes the place of `../ort-files.ts` in what webpack is given: it looks up `new URL('onnxruntime-web/…')` under other
 * conditions than `import()`, and finds nothing. It can split a worker, though: see `import-ort.ts`.
 */
export function ortBuilds(): OrtBuilds {
  return { jspi: { module: 'jspi' }, asyncify: { module: 'webgpu' }, wasm: { module: 'wasm' } };
}
