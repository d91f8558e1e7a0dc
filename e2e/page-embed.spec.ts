import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { serveFolder } from './embed/sites.js';
import { pack, strangersFolder } from './embed/stranger.js';
import { Edge } from './harness/edge.js';
import { DemoPage } from './page-driver.js';

/** What the page offers to be copied is copied, put beside the packed tarball on another site, and works there. */

const LINE = 'Platform 9';

/** One line of text, as a person would crop it. */
async function lineOfText(page: Page): Promise<Buffer> {
  await page.setViewportSize({ width: 240, height: 48 });
  await page.setContent(`<body style="margin: 6px 12px; font: 30px Arial, sans-serif">${LINE}`);
  const picture = await page.screenshot({ type: 'png' });
  await page.setViewportSize({ width: 1280, height: 800 });
  return picture;
}

test('the page that is copied from the page reads a picture with the same edge, on another site', {
  tag: '@page',
}, async ({ page, context }) => {
  test.slow();
  const tarball = await pack();
  const folder = await strangersFolder(tarball, 'bare.html');
  await using site = await serveFolder(folder);
  await using edge = await Edge.start({ args: ['--origin', site.origin] });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: edge.url });
  const picture = await lineOfText(page);
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?device=wasm&policy=offload');
  await demo.answered();

  const html = page.getByTestId('embed-plain-html');
  const copy = html.getByRole('button', { name: 'Copy: Plain HTML' });
  // With the keyboard, as everything on the page.
  await copy.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('embed-status')).toHaveText('Copied: Plain HTML.');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await html.getByRole('region', { name: 'Plain HTML, code' }).textContent());
  expect(copied).toContain(edge.url);
  expect(copied).toContain("model: 'ppocr-rec'");
  expect(demo.complaints).toEqual([]);

  await writeFile(join(folder, 'index.html'), copied);
  // Browsers ask for it unasked.
  await writeFile(join(folder, 'favicon.ico'), '');
  const stranger = new DemoPage(page);
  await page.goto(site.origin);
  await page.getByLabel('Picture').setInputFiles({ name: 'line.png', mimeType: 'image/png', buffer: picture });
  await expect(page.locator('output')).toHaveText(LINE);
  expect(stranger.complaints).toEqual([]);
  await rm(dirname(tarball), { recursive: true, force: true });
});

test('the other set-ups open by the keyboard, and follow the network that is chosen', { tag: '@page' }, async ({
  page,
}) => {
  await using edge = await Edge.start();
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?device=wasm&policy=offload&model=ppocr-det');
  await demo.answered();
  for (const name of ['vite', 'react']) {
    const setUp = page.getByTestId(`embed-${name}`);
    await setUp.locator('summary').focus();
    await page.keyboard.press('Enter');
    const code = setUp.getByRole('region', { name: /^(Vite|React), code$/ });
    await expect(code).toBeVisible();
    await expect(code).toContainText(edge.url);
    await expect(code).toContainText("'ppocr-det'");
    // Where text is, is no text.
    await expect(code).not.toContainText('decodeText');
  }
  await expect(page.getByTestId('embed-plain-html').getByRole('region').first()).toBeHidden();
  expect(demo.complaints).toEqual([]);
});
