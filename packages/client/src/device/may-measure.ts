import { networkOfBrowser } from '../heads/weight-rules.js';
import { isPageVisible } from '../page-visibility.js';

/** Whether the page may spend time, and the bytes of another build of onnxruntime-web, on a measurement. */
export function mayMeasure(): boolean {
  return isPageVisible() && networkOfBrowser()?.saveData !== true;
}
