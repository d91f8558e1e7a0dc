import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePage } from '../../browser/bundle-page.js';

/** Photographs and screenshots, since what JPEG makes of a picture depends on the picture. */
const SAMPLES = ['board.jpg', 'invoice.jpg', 'pass.jpg'];

/**
 * Bundles the page with the client, as an app would be.
 * @param rootDir of the project
 * @returns paths of the pictures, as the page sees them
 */
export async function buildPage(rootDir: string, pageDir: string): Promise<string[]> {
  const outDir = join(pageDir, 'built');
  const script = fileURLToPath(new URL('./page.js', import.meta.url));
  await bundlePage({ title: 'live', script, sourceDir: join(pageDir, 'source'), outDir });
  await mkdir(join(outDir, 'pictures'), { recursive: true });
  for (const sample of SAMPLES) {
    await copyFile(join(rootDir, 'apps/demo/public/samples', sample), join(outDir, 'pictures', sample));
  }
  return SAMPLES.map((sample) => `/pictures/${sample}`);
}
