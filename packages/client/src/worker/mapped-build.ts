import type { OrtFiles } from './ort-files.js';

/** A build of onnxruntime-web that the page's import map names, wherever that is. */
export function mappedBuild(build: string): OrtFiles | undefined {
  try {
    return { module: import.meta.resolve(`onnxruntime-web/${build}`) };
  } catch {
    // No import map names it, or there is no such function.
    return undefined;
  }
}
