import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';

export interface PageSource {
  readonly title: string;
  /** Elements that stand before the script. */
  readonly head?: string;
  /** File of the compiled script. */
  readonly script: string;
  /** Where the page is put together. */
  readonly sourceDir: string;
  /** Emptied first. */
  readonly outDir: string;
  /** Path under which it will be served. Default `/`. */
  readonly base?: string;
}

/** Bundles a page around one script of ours, with what it imports, as an app would be. */
export async function bundlePage({
  title,
  head = '',
  script,
  sourceDir,
  outDir,
  base = '/',
}: PageSource): Promise<void> {
  await mkdir(sourceDir, { recursive: true });
  const html = `<!doctype html><title>${title}</title>${head}<script type="module" src="./page.js"></script>`;
  await writeFile(join(sourceDir, 'index.html'), html);
  // Bundled from where it lies, so that its imports are found.
  await writeFile(join(sourceDir, 'page.js'), `import ${JSON.stringify(script)};\n`);
  await build({
    configFile: false,
    logLevel: 'error',
    root: sourceDir,
    base,
    build: { outDir, target: 'es2023', emptyOutDir: true, chunkSizeWarningLimit: 5_000 },
    worker: { format: 'es' },
  });
}
