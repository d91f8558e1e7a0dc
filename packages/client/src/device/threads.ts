import type { DeviceChoice } from '../session.js';

/** Most that WASM may have here: threads need SharedArrayBuffer, and that a cross-origin isolated page. */
export function mostThreads(): number {
  return globalThis.crossOriginIsolated ? isolatedThreads() : 1;
}

/** What a page loses that is not cross-origin isolated; nothing where it is. */
export function isolationLoss(): Pick<DeviceChoice, 'notIsolated'> {
  if (globalThis.crossOriginIsolated) return {};
  const threads = isolatedThreads();
  const loss =
    threads > 1
      ? `WASM has one thread here and could have ${threads}`
      : 'WASM has one thread, which is what it would have on the cores of this device anyway';
  return {
    notIsolated: { threads, words: `This page is not cross-origin isolated (COOP and COEP headers): ${loss}.` },
  };
}

/** onnxruntime's own default. */
function isolatedThreads(): number {
  return Math.min(4, Math.ceil((globalThis.navigator?.hardwareConcurrency || 1) / 2));
}
