import { compressPicture, pictureCodecs } from '../codec/picture.js';
import type { PictureAnswer, PictureMessage } from './picture-encoder.js';

/** The worker that compresses pictures: beside the page, and beside the runtime, which is busy for seconds with a new head. */

interface WorkerScope {
  postMessage(message: PictureAnswer, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<PictureMessage>) => void) | null;
}

// This file is compiled with the DOM's types, as the rest of the package is; at run time the global is a worker's.
const scope = globalThis as unknown as WorkerScope;
const codecs = pictureCodecs().then((value) => scope.postMessage({ codecs: value }, []));

scope.onmessage = async ({ data: { id, rgb, dims, codec } }) => {
  await codecs;
  const bytes = await compressPicture(rgb, dims, codec).catch(() => undefined);
  scope.postMessage({ id, bytes }, bytes ? [bytes.buffer] : []);
};
