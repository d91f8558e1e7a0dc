import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, preview } from 'vite';
import type { AdapterFacts, EncodePage } from './page.js';

declare global {
  /** Put there by `page.ts`, in the browser. */
  var encodePage: EncodePage;
}

const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
const WEBGPU = ['--enable-unsafe-webgpu', '--ignore-gpu-blocklist'];
const SOFTWARE = '--use-webgpu-adapter=swiftshader';

export interface EncodeBrowserOptions {
  /** Not the machine's own adapter, but the one in software. Also taken where there is no other. */
  readonly software: boolean;
  /** More of the browser's own options. */
  readonly args: readonly string[];
}

export interface OpenEncodePage {
  readonly page: Page;
  readonly adapter: AdapterFacts;
  readonly version: string;
}

/** Opens a real browser with the page, lends it to `use`, and closes it. */
export async function withEncodePage<T>(
  { software, args }: EncodeBrowserOptions,
  use: (open: OpenEncodePage) => Promise<T>,
): Promise<T> {
  const executablePath = process.env.CUTPOINT_CHROMIUM;
  if (!executablePath) {
    throw new Error('No Chrome or Chromium found. Install one, or set CUTPOINT_CHROMIUM to the path of one.');
  }
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-encode-'));
  const server = await serve(folder);
  let browser: Browser | undefined;
  try {
    for (const adapterArgs of software ? [[SOFTWARE]] : [[], [SOFTWARE]]) {
      const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      browser = await chromium.launch({
        executablePath,
        args: [...QUIET, ...WEBGPU, ...sandbox, ...adapterArgs, ...args],
      });
      const page = await browser.newPage();
      page.setDefaultTimeout(0);
      await page.goto(server.url);
      await page.waitForFunction(() => 'encodePage' in globalThis);
      const adapter = await page.evaluate(() => globalThis.encodePage.open());
      if (adapter) return await use({ page, adapter, version: browser.version() });
      await browser.close();
    }
    throw new Error('This browser has no WebGPU adapter, not even the one in software.');
  } finally {
    await browser?.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function serve(folder: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const root = join(folder, 'source');
  await mkdir(root);
  const script = fileURLToPath(new URL('./page.js', import.meta.url));
  await writeFile(
    join(root, 'index.html'),
    '<!doctype html><title>encode</title><script type="module" src="./page.js"></script>',
  );
  // Bundled from where it lies, so that its imports are found.
  await writeFile(join(root, 'page.js'), `import ${JSON.stringify(script)};\n`);
  const common = { configFile: false, logLevel: 'error', root } as const;
  const built = { outDir: join(folder, 'built'), target: 'es2023', emptyOutDir: true } as const;
  await build({ ...common, build: built, worker: { format: 'es' } });
  // Cross-origin isolated: timers of 5 microseconds instead of 100.
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = await preview({ ...common, build: built, preview: { host: '127.0.0.1', port: 0, headers } });
  const address = server.httpServer.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}
