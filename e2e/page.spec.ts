import { mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { Edge } from './harness/edge.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage, serveSmallSample } from './page-driver.js';

const TEXT = 'Invoice 2024-117';
/** One word: so small a picture that travels as a JPEG may lose the space between two. */
const WORD = 'INV-2024-117';
/** On the software adapter a network of this size takes minutes; the client's own tests run WebGPU. */
const WASM = 'device=wasm';

const edge = serveEdge(() => Edge.start());

test('a sample is there and read when the page opens, and the cut is chosen and explained', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `?${WASM}`);
  await expect(demo.result).toContainText(TEXT);
  await expect(demo.result).toContainText('Harbour Lamps');
  await expect(demo.state).toHaveAttribute('data-state', /ready|running/);
  await expect(demo.device).toHaveAttribute('data-kind', 'wasm');
  await expect(page.getByTestId('why')).toHaveCount(2);
  await expect(page.getByTestId('why').first()).not.toBeEmpty();
  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveCount(1);
  await expect(page.getByTestId('load')).toContainText('GPU');
  await expect(page.getByTestId('overlay').locator('.plate').first()).toBeVisible();
  const lines = await demo.result.locator('li').count();
  await expect(page.getByRole('heading', { name: `Reading a line, the last of ${lines}:` })).toBeVisible();
  // The automatic choice goes on being right while weights arrive and the cut moves.
  await page.getByTestId('repeat').check();
  await demo.moreRuns(3);
  await expect(demo.result).toContainText(TEXT);
  expect(demo.complaints).toEqual([]);
});

test('a picture is read through a middle cut of both networks that is set in the address', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, `?${WASM}&cut=200,150`);
  await expect(demo.result).toContainText(TEXT, { timeout: 90_000 });
  for (const model of ['ppocr-det', 'ppocr-rec']) {
    await demo.expectMiddleCut(model);
    await expect(demo.slider(model)).toHaveAttribute(
      'aria-valuetext',
      /layers here, .* at the edge, .* cross, .*set by hand/,
    );
  }
  await expect(page.getByTestId('chosen-cut')).toHaveText([/^[1-9]\d* of \d+$/, /^[1-9]\d* of \d+$/]);
  expect(demo.complaints).toEqual([]);
});

test('with WebGPU a picture is read through a middle cut of both networks', { tag: ['@page', '@webgpu'] }, async ({
  page,
}) => {
  test.setTimeout(300_000);
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, '?device=webgpu&cut=60,60');
  await expect(demo.result).toHaveAttribute('data-runs', '1', { timeout: 240_000 });
  await expect(demo.result).toContainText(TEXT);
  await expect(demo.device).toHaveAttribute('data-kind', 'webgpu');
  for (const model of ['ppocr-det', 'ppocr-rec']) await demo.expectMiddleCut(model);
  expect(demo.complaints).toEqual([]);
});

test('with WebGPU a picture is read wherever the policy cuts', { tag: ['@page', '@webgpu'] }, async ({ page }) => {
  test.setTimeout(300_000);
  const demo = new DemoPage(page);
  await serveSmallSample(page, WORD);
  await demo.open(edge().url, '?device=webgpu');
  await expect(demo.result).toContainText(WORD, { timeout: 120_000 });
  await expect(demo.device).toHaveAttribute('data-kind', 'webgpu');
  await expect(demo.device).toContainText('WebGPU');
  // Also once weights are here and the adapter was timed, whatever follows from that.
  await page.getByTestId('repeat').check();
  await demo.moreRuns(3, 180_000);
  await expect(demo.result).toContainText(WORD);
  await expect(demo.device).toHaveAttribute('data-kind', 'webgpu');
  await expect(page).not.toHaveURL(/cut=/);
  expect(demo.complaints).toEqual([]);
});

test('a person takes the cut with the keyboard and gives it back', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, `?${WASM}&policy=offload`);
  await expect(demo.result).toContainText(TEXT);
  const slider = page.getByRole('slider', { name: 'Cut of Reading a line' });
  await slider.focus();
  await slider.press('End');
  await expect(page).toHaveURL(/cut=,\d+/);
  await expect(slider).toHaveAttribute('aria-valuetext', /all \d+ layers here, nothing crosses, set by hand/);
  await expect(page.getByTestId('chosen-cut')).toHaveText([/^0 of \d+$/, /^(\d+) of \1$/], { timeout: 60_000 });
  await expect(demo.result).toContainText(TEXT);

  await page.getByTestId('auto-ppocr-rec').click();
  await expect(page).not.toHaveURL(/cut=/);
  await expect(page.getByTestId('chosen-cut')).toHaveText([/^0 of \d+$/, /^0 of \d+$/], { timeout: 60_000 });
});

test('a person drags the cut with the mouse, and the next inference runs there', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `?${WASM}&policy=offload&model=ppocr-det`);
  await demo.answered();
  const slider = demo.slider('ppocr-det');
  await slider.scrollIntoViewIfNeeded();
  const [handle, track] = await Promise.all([slider.boundingBox(), page.locator('.ribbon').first().boundingBox()]);
  if (!handle || !track) throw new Error('the ribbon is not shown');
  const y = handle.y + handle.height / 2;
  await page.mouse.move(handle.x + handle.width / 2, y);
  await page.mouse.down();
  await page.mouse.move(track.x + track.width * 0.3, y, { steps: 5 });
  await page.mouse.move(track.x + track.width * 0.5, y, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/cut=[1-9]\d*/);
  const cut = /cut=(\d+)/.exec(page.url())?.[1] ?? '';
  await expect(slider).toHaveAttribute('aria-valuetext', /set by hand/);
  await expect(page.getByTestId('chosen-cut')).toHaveText(new RegExp(`^${cut} of`), { timeout: 60_000 });
  await demo.expectMiddleCut('ppocr-det');
  expect(demo.complaints).toEqual([]);
});

test('the edge is stopped mid-stream: the page says so, and recovers when it is back', { tag: '@page' }, async ({
  page,
}) => {
  test.setTimeout(240_000);
  const demo = new DemoPage(page, { networkFails: true });
  const mortal = await Edge.start();
  let reborn: Edge | undefined;
  try {
    await serveSmallSample(page, TEXT);
    await demo.open(mortal.url, `?${WASM}&policy=offload&repeat=1`);
    await demo.moreRuns(2);
    await mortal.kill();
    await expect(demo.offline).toBeVisible();
    await expect(demo.offline).toContainText('The edge cannot be reached');
    await expect(page.getByTestId('countdown')).toContainText(/Trying again/);
    await expect(demo.state).toHaveAttribute('data-state', 'offline');

    reborn = await Edge.start({ port: mortal.port });
    await expect(demo.offline).toBeHidden({ timeout: 60_000 });
    await expect(demo.state).toHaveAttribute('data-state', /ready|running/);
    await demo.moreRuns(2);
    await expect(demo.result).toContainText(TEXT);
    await expect(demo.error).toBeHidden();
    expect(demo.complaints).toEqual([]);
  } finally {
    await reborn?.stop();
    await mortal.stop();
  }
});

test('a model that the edge does not have: the page names those that it has', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page, { networkFails: true });
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, '?model=no-such-model');
  await expect(demo.error).toBeVisible();
  await expect(demo.error).toHaveAttribute('data-code', 'unknown_model');
  await expect(demo.error).toContainText('no-such-model');
  await expect(demo.error).toContainText('ppocr-det');
  await expect(demo.state).toHaveAttribute('data-state', 'failed');
  // The way out is on the page.
  await page.getByTestId('model').selectOption('ocr');
  await expect(demo.result).toContainText(TEXT, { timeout: 60_000 });
  await expect(demo.error).toBeHidden();
  expect(demo.complaints).toEqual([]);
});

test('files that are no pictures are refused in words, and the page goes on', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, `?${WASM}&policy=offload`);
  await expect(demo.result).toContainText(TEXT);
  const file = page.getByTestId('file');

  await file.setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('not a picture') });
  await expect(demo.error).toHaveAttribute('data-code', 'not_a_picture');
  await expect(demo.error).toContainText('notes.png');

  await file.setInputFiles({ name: 'empty.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(0) });
  await expect(demo.error).toHaveAttribute('data-code', 'empty_file');

  const huge = join(await mkdtemp(join(tmpdir(), 'cutpoint-page-')), 'huge.jpg');
  await writeFile(huge, '');
  await truncate(huge, 500_000_000);
  await file.setInputFiles(huge);
  await expect(demo.error).toHaveAttribute('data-code', 'file_too_large');
  await expect(demo.error).toContainText('500 MB');

  await page.getByTestId('sample-board').click();
  await expect(demo.result).toContainText('Museum closed');
  await expect(demo.error).toBeHidden();
  await expect(page).toHaveURL(/sample=board/);
  expect(demo.complaints).toEqual([]);
});

test('without a camera the page says so', { tag: '@page' }, async ({ page, context }) => {
  await context.grantPermissions(['camera'], { origin: edge().url });
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, `?${WASM}&policy=offload`);
  await page.getByTestId('camera').click();
  await expect(demo.error).toHaveAttribute('data-code', 'no_camera');
  await expect(demo.error).toContainText('Choose a file');
  await expect(demo.result).toContainText(TEXT);
  expect(demo.complaints).toEqual([]);
});

test('what is chosen is in the address, and the address chooses', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `?policy=local&link=4&rtt=20&${WASM}&sample=board`);
  await expect(page.getByTestId('policy')).toHaveValue('local');
  await expect(page.getByTestId('link')).toHaveValue('4');
  await expect(page.getByTestId('rtt')).toHaveValue('20');
  await expect(page.getByTestId('device-choice')).toHaveValue('wasm');
  await page.getByTestId('policy').selectOption('loadpart');
  await page.getByTestId('link').selectOption('16');
  await expect(page).toHaveURL(/\?policy=loadpart&link=16&rtt=20&device=wasm&sample=board$/);
  await expect(demo.result).toContainText('Museum closed');
});

test('without WebGPU the page runs on the CPU, reads, and says why', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url);
  await expect(demo.result).toContainText(TEXT);
  await expect(demo.device).toHaveAttribute('data-kind', 'wasm');
  await expect(demo.device).toContainText('WebGPU');
  expect(demo.complaints).toEqual([]);
});

test('the page says in one line what was measured of the device, and where heads went', {
  tag: ['@page', '@webgpu'],
}, async ({ page }) => {
  test.setTimeout(300_000);
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url);
  await expect(demo.device).toHaveAttribute('data-kind', 'webgpu');
  await expect(demo.result).toContainText(TEXT, { timeout: 100_000 });
  await expect(demo.device).toHaveAttribute('data-kind', 'wasm', { timeout: 100_000 });
  await expect(demo.device).toContainText(
    /WASM with \d threads? [\d.]+ ms, .*WebGPU [\d.]+ ms \(cut .+\), measured here\.$/,
  );
  expect(demo.complaints).toEqual([]);
});
