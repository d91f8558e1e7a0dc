import type { WorkerLike } from '../lane.js';
import type { PictureWorkerLike } from '../picture-encoder.js';

/**
 * Takes the place of `../spawn-worker.ts` in the tarball, which a page may import from another site. A worker must come
 * from the page's own, so there a script of one line is, that imports the rest.
 *
 * The addresses in the second places are never reached where a bundler put the file elsewhere, so it need not look at them.
 */
export function spawnWorker(): WorkerLike {
  return ownOr(
    () => new Worker(new URL('./runtime-worker.js', import.meta.url), { type: 'module', name: 'cutpoint-runtime' }),
    () => imported(new URL(/* @vite-ignore */ './runtime-worker.js', import.meta.url), 'cutpoint-runtime'),
  );
}

export function spawnPictureWorker(): PictureWorkerLike {
  return ownOr(
    () => new Worker(new URL('./picture-worker.js', import.meta.url), { type: 'module', name: 'cutpoint-pictures' }),
    () => imported(new URL(/* @vite-ignore */ './picture-worker.js', import.meta.url), 'cutpoint-pictures'),
  );
}

function ownOr(own: () => Worker, other: () => Worker): Worker {
  try {
    return own();
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'SecurityError') throw error;
    return other();
  }
}

function imported({ href }: URL, name: string): Worker {
  const script = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
  const url = URL.createObjectURL(script);
  const worker = new Worker(/* @vite-ignore */ url, { type: 'module', name });
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
  return worker;
}
