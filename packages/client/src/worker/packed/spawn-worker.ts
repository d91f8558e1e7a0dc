import type { WorkerLike } from '../runtime.js';

/**
 * Takes the place of `../spawn-worker.ts` in the tarball, which a page may import from another site. A worker must come
 * from the page's own, so there a script of one line is, that imports the rest.
 */
export function spawnWorker(): WorkerLike {
  try {
    return new Worker(new URL('./runtime-worker.js', import.meta.url), { type: 'module', name: 'cutpoint-runtime' });
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'SecurityError') throw error;
    // Never reached where a bundler put the file elsewhere, so it need not look at this address.
    const { href } = new URL(/* @vite-ignore */ './runtime-worker.js', import.meta.url);
    const script = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
    const url = URL.createObjectURL(script);
    const worker = new Worker(/* @vite-ignore */ url, { type: 'module', name: 'cutpoint-runtime' });
    worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
    return worker;
  }
}
