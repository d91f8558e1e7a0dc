/** Whether the page may spend time, and the bytes of another build of onnxruntime-web, on a measurement. */
export function mayMeasure(): boolean {
  // Missing in the DOM's types, as it is in some browsers.
  const { connection } = globalThis.navigator as { readonly connection?: { readonly saveData?: boolean } };
  return globalThis.document?.visibilityState !== 'hidden' && connection?.saveData !== true;
}
