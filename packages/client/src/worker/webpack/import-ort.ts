import type { Ort } from '../import-ort.js';
import type { OrtFiles } from '../ort-files.js';

/** Takes the place of `../import-ort.ts` in what webpack is given. One `import` each makes three chunks, of which one is fetched. */
export async function importOrt({ module }: OrtFiles): Promise<Ort> {
  switch (module) {
    case 'jspi':
      return import('onnxruntime-web/jspi');
    case 'webgpu':
      return import('onnxruntime-web/webgpu');
    default:
      return import('onnxruntime-web/wasm');
  }
}
