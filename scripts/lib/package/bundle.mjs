import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** onnxruntime's own packages stay the app's: the peer, and the few KB of its `Tensor` class. */
const FOREIGN = /^onnxruntime-/;

/** Scripts that the page starts as workers. */
export const WORKERS = ['runtime-worker.js', 'picture-worker.js'];

/**
 * Bundles what tsc compiled: our own packages in, what is imported with `import()` in files of their own. Each worker
 * gets a build to itself, because it must not share a file with the page: a bundler takes it as it is, or as one script.
 * @param {string} from folder of the compiled client @param {string} to folder to write to
 * @param {{ variant: string }} options name of folders whose files take the place of those beside them
 */
export async function bundleClient(from, to, { variant }) {
  await bundle(join(from, 'index.js'), to, variant);
  for (const worker of WORKERS) await bundle(join(from, 'worker', worker), to, variant);
}

async function bundle(input, dir, variant) {
  const build = await rolldown({
    input,
    external: FOREIGN,
    platform: 'browser',
    plugins: [inPlaceOf(variant)],
  });
  try {
    await build.write({
      dir,
      entryFileNames: basename(input),
      chunkFileNames: '[name].js',
      format: 'es',
      sourcemap: true,
      comments: { annotation: true, jsdoc: false, legal: true },
    });
  } finally {
    await build.close();
  }
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
