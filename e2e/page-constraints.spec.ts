import { expect, type Page, test } from '@playwright/test';
import { Edge } from './harness/edge.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage } from './page-driver.js';

/** What the page asks the client to keep to, held against what really crosses. */

const edge = serveEdge(() => Edge.start());

/** One inference an answer. */
const QUICK = '?model=ppocr-det&device=wasm';

/** Codecs of the tensors that the page sent, as they stand in the messages on its WebSocket. */
function codecsSent(page: Page): string[] {
  const codecs: string[] = [];
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      if (typeof payload !== 'string') return;
      const message = JSON.parse(payload) as { type: string; tensors?: { codec: string }[] };
      if (message.type === 'infer') codecs.push(...(message.tensors ?? []).map(({ codec }) => codec));
    });
  });
  return codecs;
}

test('the input stays on the device: what would send it is excluded and says why, also after a reload', {
  tag: '@page',
}, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `${QUICK}&policy=offload`);
  await demo.answered();
  const whole = page.getByTestId('arms').locator('tr[data-cut="0"]').first();
  const measured = page.getByTestId('keep-input-measured');
  await expect(measured).toHaveText('the last inference sent its input');
  await page.getByTestId('keep-input').check();
  await expect(page).toHaveURL(/keep=1/);
  await expect(whole).toContainText('excluded: the input would leave the page');
  await expect(measured).toHaveText(/sent nothing|what its layers made of it, cut [1-9]/, { timeout: 60_000 });
  await expect(page.getByTestId('chosen-cut')).toHaveText(/^[1-9]\d* of/);

  const codecs = codecsSent(page);
  await page.reload();
  await expect(page.getByTestId('keep-input')).toBeChecked();
  await demo.answered();
  await expect(whole).toContainText('excluded: the input would leave the page');
  await expect(page.getByTestId('chosen-cut')).toHaveText(/^[1-9]\d* of/);
  expect(codecs).not.toContain('jpeg');

  await page.getByTestId('keep-input').uncheck();
  await expect(page).not.toHaveURL(/keep/);
  await expect(measured).toHaveText('the last inference sent its input');
  expect(demo.complaints).toEqual([]);
});

test('a codec that is chosen is what crosses the wire, also after a reload', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  const codecs = codecsSent(page);
  await demo.open(edge().url, `${QUICK}&cut=0&drop=0.1`);
  await demo.answered();
  for (const [codec, onWire] of [
    ['webp', 'webp'],
    ['jpeg', 'jpeg'],
    ['f32', 'raw'],
  ] as const) {
    codecs.length = 0;
    await page.getByTestId('codec').selectOption(codec);
    await expect(page.getByTestId('codec-measured')).toHaveText(new RegExp(`^the last inference sent .* as ${codec}$`));
    expect(codecs.at(-1)).toBe(onWire);
  }
  await page.getByTestId('all-arms').click();
  await expect(page.getByTestId('arms').locator('tr', { hasText: 'jpeg' })).toContainText('excluded: another codec');
  await page.getByTestId('codec').selectOption('webp');
  await expect(page).toHaveURL(/codec=webp&drop=0.1/);
  codecs.length = 0;
  await page.reload();
  await demo.answered();
  await expect(page.getByTestId('codec')).toHaveValue('webp');
  await expect(page.getByTestId('codec-measured')).toContainText('as webp');
  expect(new Set(codecs)).toEqual(new Set(['webp']));
  expect(demo.complaints).toEqual([]);
});

test('accuracy, uplink and deadline are kept to, and live in the address', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `${QUICK}&cut=0`);
  await demo.answered();
  await page.getByTestId('all-arms').click();
  // Nothing may be lost: a JPEG loses something.
  await page.getByTestId('accuracy').selectOption('0');
  await expect(page.getByTestId('arms').locator('tr', { hasText: 'jpeg' })).toContainText(
    /excluded: may cost .* of accuracy/,
  );
  await expect(page.getByTestId('codec-measured')).toContainText(/as f32/);
  await expect(page.getByTestId('accuracy-measured')).toContainText('costs nothing');

  await page.getByTestId('uplink-limit').selectOption('20');
  await expect(page.getByTestId('uplink-limit-measured')).toHaveText(/^[\d.]+ [KM]?B\/s over the last 10 s$/);

  // No picture is looked at here in so little time over such a link.
  await page.getByTestId('rtt').selectOption('100');
  await page.getByTestId('deadline').selectOption('50');
  await expect(demo.error).toHaveAttribute('data-code', 'deadline_exceeded');
  await expect(demo.error).toContainText('No result within 50 ms');
  await expect(page).toHaveURL(/drop=0&up=20&deadline=50&rtt=100/);
  await page.getByTestId('deadline').selectOption('');
  await expect(demo.error).toBeHidden();
  await page.reload();
  await expect(page.getByTestId('accuracy')).toHaveValue('0');
  await expect(page.getByTestId('uplink-limit')).toHaveValue('20');
  expect(demo.complaints).toEqual([]);
});
