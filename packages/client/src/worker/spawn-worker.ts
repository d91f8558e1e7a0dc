import type { WorkerLike } from './lane.js';
import type { PictureWorkerLike } from './picture-encoder.js';

/** Written as bundlers want it, to the letter. */
export function spawnWorker(): WorkerLike {
  return new Worker(new URL('./runtime-worker.js', import.meta.url), { type: 'module', name: 'cutpoint-runtime' });
}

export function spawnPictureWorker(): PictureWorkerLike {
  return new Worker(new URL('./picture-worker.js', import.meta.url), { type: 'module', name: 'cutpoint-pictures' });
}
