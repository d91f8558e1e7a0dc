import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const HTML = '<!doctype html><title>live</title><script type="module" src="./page.js"></script>';
/** Photographs and screenshots, since what JPEG makes of a picture depends on the picture. */
const SAMPLES = ['board.jpg', 'invoice.jpg', 'pass.jpg'];

/**
 * Bundles the page with the client, as an app would be.
 * @param rootDir of the project
 * @returns paths of the pictures, as the page sees them
 */
export async function buildPage(rootDir: string, pageDir: string): Promise<string[]> {
  const sourceDir = join(pageDir, 'source');
  await mkdir(sourceDir, { recursive: true });
  const script = fileURLToPath(new URL('./page.js', import.meta.url));
  await writeFile(join(sourceDir, 'index.html'), HTML);
  // Bundled from where it lies, so that its imports are found.
  await writeFile(join(sourceDir, 'page.js'), `import ${JSON.stringify(script)};\n`);
  const outDir = join(pageDir, 'built');
  await build({
    configFile: false,
    logLevel: 'error',
    root: sourceDir,
    build: { outDir, target: 'es2023', emptyOutDir: true, chunkSizeWarningLimit: 5_000 },
    worker: { format: 'es' },
  });
  await mkdir(join(outDir, 'pictures'), { recursive: true });
  for (const sample of SAMPLES) {
    await copyFile(join(rootDir, 'apps/demo/public/samples', sample), join(outDir, 'pictures', sample));
  }
  return SAMPLES.map((sample) => `/pictures/${sample}`);
}
