import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from '@playwright/test';
import { Edge, projectRoot } from './harness/edge.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage, serveSmallSample, smallPicture } from './page-driver.js';

const TEXT = 'Gate 17 open';
/** On the sample that the page opens with. */
const SAMPLE_TEXT = 'Platform nine';

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

declare global {
  var camera: MediaStream;
}

const edge = serveEdge(() => Edge.start());

test('a picture is pasted', { tag: '@page' }, async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: edge().url });
  const picture = [...(await smallPicture(page, TEXT, 'png'))];
  const demo = new DemoPage(page);
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();
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

test('a picture is dropped', { tag: '@page' }, async ({ page }) => {
  const picture = [...(await smallPicture(page, TEXT))];
  const demo = new DemoPage(page);
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();
  const dataTransfer = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], 'gate.jpg', { type: 'image/jpeg' }));
    return transfer;
  }, picture);
  const hint = page.getByText('Drop pictures or folders', { exact: true });
  await page.dispatchEvent('body', 'dragenter', { dataTransfer });
  await expect(hint).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer });
  await expect(hint).toBeHidden();
  await expect(demo.result).toContainText(TEXT);
  await expect(page.locator('#caption')).toContainText('gate.jpg, 320 × 160');
  expect(demo.complaints).toEqual([]);
});

test('the camera is a stream whose newest frame wins, and is let go', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();
  const camera = page.getByTestId('camera');
  await camera.click();
  await expect(camera).toHaveAttribute('aria-pressed', 'true');
  await expect(camera).toHaveText('Stop the camera');
  await expect(demo.result).toContainText('Museum closed');
  await demo.moreRuns(2);
  await expect(page.getByTestId('rate')).toHaveText(/^\d+\.\d$/);
  // The camera gives more than two networks read on this machine.
  await expect.poll(async () => Number(await page.getByTestId('dropped').textContent())).toBeGreaterThan(0);

  await camera.click();
  await expect(camera).toHaveAttribute('aria-pressed', 'false');
  await expect(demo.result).toContainText(SAMPLE_TEXT);
  await expect(demo.error).toBeHidden();
  expect(demo.complaints).toEqual([]);
});

test('a camera that is taken away, or not given, is said to be, and the page goes on', { tag: '@page' }, async ({
  page,
}) => {
  await page.addInitScript(() => {
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => {
      globalThis.camera = await open(wish);
      return globalThis.camera;
    };
  });
  const demo = new DemoPage(page);
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();
  const camera = page.getByTestId('camera');
  await camera.click();
  await expect(demo.result).toContainText('Museum closed');
  // As the browser does when the plug is pulled: the track ends, and says so.
  await page.evaluate(() => {
    for (const track of globalThis.camera.getTracks()) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  });
  await expect(demo.error).toHaveAttribute('data-code', 'camera_gone');
  await expect(demo.error).toContainText('Start it again');
  await expect(camera).toHaveAttribute('aria-pressed', 'false');

  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await camera.click();
  await expect(demo.error).toHaveAttribute('data-code', 'camera_refused');
  await page.getByTestId('sample-invoice').click();
  await expect(demo.result).toContainText(SAMPLE_TEXT);
  await expect(demo.error).toBeHidden();
  expect(demo.complaints).toEqual([]);
});

test('several pictures, also from a folder, each with its own result, and a stop that stops', { tag: '@page' }, async ({
  page,
}) => {
  const picture = await smallPicture(page, TEXT);
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-pictures-'));
  mkdirSync(join(folder, 'more'));
  for (const name of ['a.jpg', 'more/b.jpg']) writeFileSync(join(folder, name), picture);
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  writeFileSync(join(folder, 'notes.txt'), 'nothing');
  const demo = new DemoPage(page);
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();

  await page.getByTestId('folder').setInputFiles(folder);
  const words = page.getByTestId('batch-words');
  await expect(words).toHaveText('2 of 3 pictures read, 1 failed.');
  await expect(demo.status).toHaveText('2 of 3 pictures read, 1 failed.');
  const rows = page.getByTestId('batch-list').locator('li');
  await expect(rows).toHaveCount(3);
  await expect(rows.filter({ hasText: 'a.jpg' })).toContainText(TEXT);
  await expect(rows.filter({ hasText: 'broken.png' })).toContainText('is not a picture');
  await expect(page.getByTestId('batch')).toContainText('1 file beside them is no picture');

  const many = Array.from({ length: 40 }, (_, index) => ({
    name: `${index}.jpg`,
    mimeType: 'image/jpeg',
    buffer: picture,
  }));
  await page.getByTestId('file').setInputFiles(many);
  await expect(rows).toHaveCount(40);
  await expect(rows.first()).toHaveAttribute('data-state', 'done');
  await page.getByTestId('batch-stop').click();
  await expect(page.getByTestId('batch-stop')).toBeDisabled();
  await expect(rows.last()).toHaveAttribute('data-state', 'stopped');
  const runs = await demo.runs();
  await expect(demo.status).toContainText('left out');
  await page.getByTestId('sample-invoice').click();
  await expect(demo.result).toContainText(SAMPLE_TEXT);
  expect(await demo.runs()).toBeLessThanOrEqual(runs + 2);
  expect(demo.complaints).toEqual([]);
});

test('a sample that the edge does not give is said to be missing', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page, { networkFails: true });
  await page.route('**/samples/board.jpg', (route) => route.fulfill({ status: 404, body: 'not found' }));
  await serveSmallSample(page, SAMPLE_TEXT);
  await demo.open(edge().url, '?device=wasm&policy=offload');
  await demo.answered();
  await page.getByTestId('sample-board').click();
  await expect(demo.error).toHaveAttribute('data-code', 'no_sample');
  await expect(demo.error).toContainText('404');
  await expect(demo.result).toContainText(SAMPLE_TEXT);
  expect(demo.complaints).toEqual([]);
});
