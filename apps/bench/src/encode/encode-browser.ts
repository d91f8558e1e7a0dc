import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { preview } from 'vite';
import { bundlePage } from '../browser/bundle-page.js';
import { launchChromium, SOFTWARE_ADAPTER_ARG, WEBGPU_ARGS } from '../browser/chromium.js';
import type { AdapterFacts, EncodePage } from './page.js';

declare global {
  /** Put there by `page.ts`, in the browser. */
  var encodePage: EncodePage;
}

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
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-encode-'));
  const server = await serve(folder);
  let browser: Browser | undefined;
  try {
    for (const adapterArgs of software ? [[SOFTWARE_ADAPTER_ARG]] : [[], [SOFTWARE_ADAPTER_ARG]]) {
      browser = await launchChromium([...WEBGPU_ARGS, ...adapterArgs, ...args]);
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
  const [root, outDir] = [join(folder, 'source'), join(folder, 'built')];
  const script = fileURLToPath(new URL('./page.js', import.meta.url));
  await bundlePage({ title: 'encode', script, sourceDir: root, outDir });
  // Cross-origin isolated: timers of 5 microseconds instead of 100.
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = await preview({
    configFile: false,
    logLevel: 'error',
    root,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, headers },
  });
  const address = server.httpServer.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}
