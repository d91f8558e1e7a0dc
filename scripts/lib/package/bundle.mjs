import { rolldown } from 'rolldown';

/** onnxruntime's own packages stay the app's: the peer, and the few KB of its `Tensor` class. */
const FOREIGN = /^onnxruntime-/;

/**
 * Bundles what tsc compiled: our own packages in, what is imported with `import()` in files of their own. The worker gets
 * a build to itself, because it must not share a file with the page: a bundler takes it as it is, or as one script.
 * @param {string} from folder of the compiled client @param {string} to folder to write to
 */
export async function bundleClient(from, to) {
  await bundle(`${from}/index.js`, to, 'index.js');
  await bundle(`${from}/worker/runtime-worker.js`, to, 'runtime-worker.js');
}

async function bundle(input, dir, entryFileNames) {
  const build = await rolldown({ input, external: FOREIGN, platform: 'browser' });
  try {
    await build.write({
      dir,
      entryFileNames,
      chunkFileNames: '[name].js',
      format: 'es',
      sourcemap: true,
      comments: { annotation: true, jsdoc: false, legal: true },
    });
  } finally {
    await build.close();
  }
}
