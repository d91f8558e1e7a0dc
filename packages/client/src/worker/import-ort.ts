import type { OrtFiles } from './ort-files.js';

/** What is used of onnxruntime-web; all its builds have it. */
export type Ort = typeof import('onnxruntime-common');

/** Fetches one build, from an address that no bundler can follow. */
export async function importOrt({ module, wasm }: OrtFiles): Promise<Ort> {
  const ort: Ort = await import(/* @vite-ignore */ /* webpackIgnore: true */ module);
  if (wasm !== undefined) ort.env.wasm.wasmPaths = { wasm };
  return ort;
}
