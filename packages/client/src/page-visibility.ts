/** Nobody waits for an inference in a page that is not seen. */
export function isPageVisible(): boolean {
  return globalThis.document?.visibilityState !== 'hidden';
}
