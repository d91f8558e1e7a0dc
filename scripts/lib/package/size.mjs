import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { FOREIGN, quietly, WORKERS } from './bundle.mjs';

/**
 * What an app pays for `import { connect } from '@cutpoint/client'`, in bytes: bundled, minified, and gzipped at level 9,
 * each file by itself, as it would be served. Without onnxruntime's own packages.
 * @param {string} folder of the unpacked tarball
 * @returns {Promise<{ first: number, page: number, worker: number, total: number }>} `first`: scripts of the page that its
 *   first result waits for; `page`: all of them; `worker`: those of all workers
 */
export async function sizeOf(folder) {
  const { first, all: page } = await gzipped(join(folder, 'dist', 'index.js'), 'connect');
  const workers = await Promise.all(WORKERS.map((worker) => gzipped(join(folder, 'dist', worker))));
  const worker = workers.reduce((sum, { all }) => sum + all, 0);
  return { first, page, worker, total: page + worker };
}

/**
 * @param {string} file @param {string} [names] what of it the app imports; all where it is a script of its own
 * @returns {Promise<{ first: number, all: number }>} `first`: without what is loaded later
 */
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
    // Annotations are for bundlers: what an app serves has none.
    const comments = { annotation: false, jsdoc: false, legal: true };
    const { output } = await build.generate({ format: 'es', minify: true, comments });
    const chunks = new Map(output.flatMap((part) => (part.type === 'chunk' ? [[part.fileName, part]] : [])));
    const bytesOf = (part) => gzipSync(part.code, { level: 9 }).length;
    const sum = (parts) => parts.reduce((total, part) => total + bytesOf(part), 0);
    return { first: sum(importedBy(chunks)), all: sum([...chunks.values()]) };
  } finally {
    await build.close();
  }
}

/** The entry and what it does not load later. */
function importedBy(chunks) {
  const found = new Set([...chunks.values()].filter(({ isEntry }) => isEntry));
  for (const { imports } of found) {
    for (const name of imports) if (chunks.has(name)) found.add(chunks.get(name));
  }
  return [...found];
}
