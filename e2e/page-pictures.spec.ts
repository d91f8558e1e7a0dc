import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from '@playwright/test';
import { Edge, projectRoot } from './harness/edge.js';
import { DemoPage, smallPicture } from './page-driver.js';

const TEXT = 'Gate 17 open';

/** A browser whose camera looks at a sample picture: one JPEG is a film of one frame. */
const test = base.extend({
  launchOptions: [
    async ({ launchOptions }, use) => {
      const film = join(mkdtempSync(join(tmpdir(), 'cutpoint-camera-')), 'board.mjpeg');
      copyFileSync(join(projectRoot, 'apps/demo/public/samples/board.jpg'), film);
      const camera = [
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        `--use-file-for-fake-video-capture=${film}`,
      ];
      await use({ ...launchOptions, args: [...(launchOptions.args ?? []), ...camera] });
    },
    { scope: 'worker' },
  ],
});

let edge: Edge;
test.beforeAll(async () => {
  test.setTimeout(300_000);
  edge = await Edge.start();
});
test.afterAll(async () => {
  await edge.stop();
});

test('a picture is pasted', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: edge.url });
  const picture = [...(await smallPicture(page, TEXT, 'png'))];
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?device=wasm&policy=offload');
  await demo.moreRuns(1);
  await page.evaluate(async (bytes) => {
    const blob = new Blob([new Uint8Array(bytes)], { type: 'image/png' });
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
  }, picture);
  await page.keyboard.press('Control+V');
  await expect(demo.result).toContainText(TEXT);
  await expect(page.locator('#caption')).toContainText('The pasted picture, 320 × 160');

  await page.evaluate(() => navigator.clipboard.writeText('only words'));
  await page.keyboard.press('Control+V');
  await expect(demo.status).toContainText('The clipboard holds no picture');
  await expect(demo.result).toContainText(TEXT);
  expect(demo.complaints).toEqual([]);
});

test('a picture is dropped', async ({ page }) => {
  const picture = [...(await smallPicture(page, TEXT))];
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?device=wasm&policy=offload');
  await demo.moreRuns(1);
  const dataTransfer = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], 'gate.jpg', { type: 'image/jpeg' }));
    return transfer;
  }, picture);
  const hint = page.getByText('Drop the picture', { exact: true });
  await page.dispatchEvent('body', 'dragenter', { dataTransfer });
  await expect(hint).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer });
  await expect(hint).toBeHidden();
  await expect(demo.result).toContainText(TEXT);
  await expect(page.locator('#caption')).toContainText('gate.jpg, 320 × 160');
  expect(demo.complaints).toEqual([]);
});

test('the camera is read picture after picture, and let go', async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?device=wasm&policy=offload');
  await demo.moreRuns(1);
  const camera = page.getByTestId('camera');
  await camera.click();
  await expect(camera).toHaveAttribute('aria-pressed', 'true');
  await expect(demo.result).toContainText('Museum closed');
  await demo.moreRuns(2);
  await expect(page.getByTestId('rate')).toBeVisible();

  await camera.click();
  await expect(camera).toHaveAttribute('aria-pressed', 'false');
  await expect(demo.result).toContainText('Harbour Lamps');
  await expect(demo.error).toBeHidden();
  expect(demo.complaints).toEqual([]);
});

test('a sample that the edge does not give is said to be missing', async ({ page }) => {
  const demo = new DemoPage(page);
  await page.route('**/samples/board.jpg', (route) => route.fulfill({ status: 404, body: 'not found' }));
  await demo.open(edge.url, '?device=wasm&policy=offload');
  await demo.moreRuns(1);
  await page.getByTestId('sample-board').click();
  await expect(demo.error).toHaveAttribute('data-code', 'no_sample');
  await expect(demo.error).toContainText('404');
  await expect(demo.result).toContainText('Harbour Lamps');
  expect(demo.complaints).toEqual([]);
});
