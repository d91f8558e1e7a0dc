import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

const CROSS_ORIGIN_ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Modules that a page may import by name, each a folder of files. */
const MODULES = ['@cutpoint/protocol', 'valibot'] as const;

/** Opens an empty page beside another, in which `import('@cutpoint/protocol')` works. */
export async function openCodecPage(beside: Page): Promise<Page> {
  const browser = beside.context().browser();
  if (browser === null) throw new Error('the page belongs to no browser');
  const page = await browser.newPage();
  const imports: Record<string, string> = {};
  for (const [index, name] of MODULES.entries()) {
    const entry = fileURLToPath(import.meta.resolve(name));
    const folder = dirname(entry);
    imports[name] = `/modules/${index}${entry.slice(folder.length)}`;
    await page.route(`**/modules/${index}/*`, async (route) => {
      const file = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
      await route.fulfill({
        headers: { ...CROSS_ORIGIN_ISOLATED, 'content-type': 'text/javascript; charset=utf-8' },
        body: await readFile(`${folder}/${file}`),
      });
    });
  }
  await page.route('**/codecs', (route) =>
    route.fulfill({
      headers: { ...CROSS_ORIGIN_ISOLATED, 'content-type': 'text/html; charset=utf-8' },
      body: `<!doctype html><title>codecs</title><script type="importmap">${JSON.stringify({ imports })}</script>`,
    }),
  );
  await page.goto(new URL('/codecs', beside.url()).href);
  return page;
}
