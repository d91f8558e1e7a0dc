import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** onnxruntime's own packages stay the app's: the peer, and the few KB of its `Tensor` class. So do React and the client. */
export const FOREIGN = /^(onnxruntime-|react$|react-dom$|@cutpoint\/client$)/;

/** Scripts that the page starts as workers. */
export const WORKERS = ['runtime-worker.js', 'picture-worker.js'];

/**
 * Bundles what tsc compiled: our own packages in, what is imported with `import()` in files of their own. Each worker
 * gets a build to itself, because it must not share a file with the page: a bundler takes it as it is, or as one script.
 * @param {string} from folder of the compiled client @param {string} to folder to write to
 * @param {{ variant: string }} options name of folders whose files take the place of those beside them
 */
export async function bundleClient(from, to, { variant }) {
  const plugins = [inPlaceOf(variant)];
  // What `connect` needs at once stands apart from all that else is exported.
  const entries = { index: join(from, 'index.js'), connect: join(from, 'connect.js') };
  await bundle(entries, to, plugins);
  for (const worker of WORKERS) await bundle({ [basename(worker, '.js')]: join(from, 'worker', worker) }, to, plugins);
}

/**
 * One module of each entry and what it imports of ours.
 * @param {Record<string, string>} input files by name @param {string} dir to write to @param {import('rolldown').Plugin[]} [plugins]
 */
export async function bundle(input, dir, plugins = []) {
  const build = await rolldown({
    input,
    external: FOREIGN,
    platform: 'browser',
    plugins,
    onLog: quietly,
    // What is loaded later takes what it shares with the entry from there: a page without a bundler fetches one file first.
    preserveEntrySignatures: 'allow-extension',
  });
  try {
    await build.write({
      dir,
      entryFileNames: '[name].js',
      chunkFileNames: '[name].js',
      format: 'es',
      sourcemap: true,
      comments: { annotation: true, jsdoc: false, legal: true },
    });
  } finally {
    await build.close();
  }
}

/** All that Rolldown says, but that it may lose `'use client'`: whether it did is tested. */
export function quietly(level, log, say) {
  if (log.code !== 'MODULE_LEVEL_DIRECTIVE') say(level, log);
}

/** @returns {import('rolldown').Plugin} */
function inPlaceOf(variant) {
  return {
    name: 'cutpoint-variant',
    resolveId(specifier, importer) {
      if (importer === undefined || !specifier.startsWith('.')) return null;
      const file = resolve(dirname(importer), specifier);
      const other = join(dirname(file), variant, basename(file));
      return existsSync(other) ? other : null;
    },
  };
}
