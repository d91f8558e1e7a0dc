import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { FOREIGN, quietly, WORKERS } from './bundle.mjs';

/**
 * What an app pays for `import { connect } from '@cutpoint/client'`, in bytes: bundled, minified, and gzipped at level 9,
 * each file by itself, as it would be served. Without onnxruntime's own packages.
 * @param {string} folder of the unpacked tarball
 * @returns {Promise<{ page: number, worker: number, total: number }>} `page`: all scripts of the page, lazy ones too;
 *   `worker`: those of all workers
 */
export async function sizeOf(folder) {
  const page = await gzipped(join(folder, 'dist', 'index.js'), 'connect');
  const workers = await Promise.all(WORKERS.map((worker) => gzipped(join(folder, 'dist', worker))));
  const worker = workers.reduce((sum, bytes) => sum + bytes, 0);
  return { page, worker, total: page + worker };
}

/** @param {string} file @param {string} [names] what of it the app imports; all where it is a script of its own */
export async function gzipped(file, names) {
  const app = '\0app';
  const build = await rolldown({
    input: app,
    external: FOREIGN,
    platform: 'browser',
    onLog: quietly,
    plugins: [
      {
        name: 'an-app',
        resolveId: (id) => (id === app ? app : null),
        load: (id) => {
          if (id !== app) return null;
          const path = JSON.stringify(file);
          return names === undefined ? `import ${path};` : `export { ${names} } from ${path};`;
        },
      },
    ],
  });
  try {
    const { output } = await build.generate({ format: 'es', minify: true });
    return output.reduce(
      (sum, part) => sum + (part.type === 'chunk' ? gzipSync(part.code, { level: 9 }).length : 0),
      0,
    );
  } finally {
    await build.close();
  }
}
