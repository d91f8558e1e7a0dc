// Renders the sample pictures of the demo page: `CUTPOINT_CHROMIUM=/path/to/chrome node apps/demo/samples/make.mjs`,
// or without the variable in Playwright's own Chromium. The words are made up.
import { readdir } from 'node:fs/promises';
import { chromium } from '@playwright/test';

const executablePath = process.env.CUTPOINT_CHROMIUM;
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args });
const page = await browser.newPage({ viewport: { width: 960, height: 720 } });
for (const name of (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.html'))) {
  await page.goto(new URL(name, import.meta.url).href);
  const path = new URL(`../public/samples/${name.replace('.html', '.jpg')}`, import.meta.url).pathname;
  await page.screenshot({ path, type: 'jpeg', quality: 84 });
}
await browser.close();
