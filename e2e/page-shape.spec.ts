import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, type Page, test } from '@playwright/test';
import axe from 'axe-core';
import { Edge, freePort, projectRoot } from './harness/edge.js';
import { HideablePage } from './harness/hidden-page.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage } from './page-driver.js';

/** What the page looks like on every screen, what it weighs, and that it outlives what happens to pages. */

const TEXT = 'Invoice 2024-117';
const QUERY = '?device=wasm&policy=offload';
const WIDTHS = [360, 768, 1440];
/** Scripts before the first answer, gzipped, without onnxruntime's. */
const MAX_SCRIPT_BYTES = 80 * 1024;
/** Looked at by people; CI keeps the folder. */
const SHOTS = join(projectRoot, 'test-results/page');

const edge = serveEdge(() => Edge.start());

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    // Put there by `axe.source`.
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const results = await axe.run();
    return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  });
}

/** Gzipped bytes of the scripts that a page fetches, without onnxruntime's, by their paths. */
function weighScripts(page: Page): Map<string, Promise<number>> {
  const scripts = new Map<string, Promise<number>>();
  // Of the context, which hears what workers fetch too.
  page.context().on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.endsWith('.js') || pathname.includes('/ort')) return;
    scripts.set(
      pathname,
      response.body().then((body) => gzipSync(body, { level: 9 }).length),
    );
  });
  return scripts;
}

test('at every width, light and dark: nothing scrolls sideways, axe finds nothing, and its scripts are small', {
  tag: '@page',
}, async ({ page }) => {
  const demo = new DemoPage(page);
  const scripts = weighScripts(page);
  await demo.open(edge().url, QUERY);
  await expect(demo.result).toContainText(TEXT);
  // What comes later by itself holds nothing up.
  const entry = await (await page.request.get(edge().url)).text();
  for (const path of scripts.keys()) {
    if (!entry.includes(path) && !/(runtime|picture)-worker/.test(path)) scripts.delete(path);
  }
  const weighed = await Promise.all([...scripts].map(async ([path, bytes]) => `${path} ${await bytes}`));
  // The page's own and those of its two workers.
  expect(
    weighed.filter((line) => /index|worker/.test(line)),
    weighed.join(', '),
  ).toHaveLength(3);
  const sum = (await Promise.all(scripts.values())).reduce((bytes, more) => bytes + more, 0);
  expect(sum, weighed.join(', ')).toBeLessThanOrEqual(MAX_SCRIPT_BYTES);

  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveCount(1);
  await page.evaluate(axe.source);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // What draws the plots is fetched when they are seen.
      await page.locator('#plots').scrollIntoViewIfNeeded();
      await page.locator('#plots canvas').last().waitFor();
      await page.screenshot({ path: join(SHOTS, `${width}-${colorScheme}.png`), fullPage: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await violations(page), `${width} ${colorScheme}`).toEqual([]);
    }
    // What was predicted is there without a pointer that could hover, and what one plays with before what one measures with.
    await expect(page.locator('.waterfall th', { hasText: 'Predicted' }).first()).toBeVisible();
    await expect(page.locator('.arms tbody .terms .number').first()).toBeVisible();
    const titles = ['#cut-title', '#whatif-title', '#play-title', '#compare-title'];
    const tops = await Promise.all(titles.map(async (id) => (await page.locator(id).boundingBox())?.y ?? 0));
    if (width < 1160) expect(tops).toEqual(tops.toSorted((a, b) => a - b));
  }
  expect(demo.complaints).toEqual([]);
});

test('every control is reached by the keyboard, in the order of the page, with a name', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, QUERY);
  await expect(demo.result).toContainText(TEXT);
  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveCount(1);
  // What is only there while something runs or is fetched comes and goes.
  await expect(demo.state).toHaveAttribute('data-state', 'ready');
  await expect(page.getByTestId('progress')).toBeHidden();
  const reachable = 'a[href], button:enabled, input:enabled, select:enabled, [tabindex="0"]';
  const wanted = await page.locator(reachable).filter({ visible: true }).count();
  const seen: string[] = [];
  for (let step = 0; step < wanted; step++) {
    await page.keyboard.press('Tab');
    seen.push(
      await page.evaluate(() => {
        const element = document.activeElement;
        if (!(element instanceof HTMLElement) || element === document.body) return 'nothing';
        // A control that is only for screen readers shows its focus on its label.
        const shown = element.closest('.button') ?? element;
        return getComputedStyle(shown).outlineStyle === 'none' ? `unseen: ${element.outerHTML}` : element.outerHTML;
      }),
    );
  }
  expect(seen.filter((html) => html === 'nothing' || html.startsWith('unseen'))).toEqual([]);
  expect(new Set(seen).size, seen.join('\n')).toBe(wanted);
  // And used: a sample by Enter, a box by the space bar, the cut by arrows.
  await page.getByTestId('sample-board').focus();
  await page.keyboard.press('Enter');
  await expect(demo.result).toContainText('Museum closed');
  const row = await page.getByTestId('arms').locator('tbody tr').first().elementHandle();
  await page.getByTestId('repeat').focus();
  await page.keyboard.press('Space');
  await demo.moreRuns(1);
  // The table is written to, not made anew: what a person has marked in it stays.
  expect(await row?.evaluate(({ isConnected }) => isConnected)).toBe(true);
  await page.keyboard.press('Space');
  await expect(page.getByTestId('repeat')).not.toBeChecked();
  expect(demo.complaints).toEqual([]);
});

test('a second tab and a reload in the middle of an inference leave pages that work', { tag: '@page' }, async ({
  page,
  context,
}) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `${QUERY}&repeat=1`);
  await demo.moreRuns(1);
  const second = new DemoPage(await context.newPage());
  await second.open(edge().url, `${QUERY}&sample=board`);
  await expect(second.result).toContainText('Museum closed');
  await second.page.getByTestId('again').click();
  await second.page.reload();
  await expect(second.result).toContainText('Museum closed');
  await demo.moreRuns(1);
  expect([...demo.complaints, ...second.complaints]).toEqual([]);
});

/** A sleep as it is for the page: frozen, its clock a minute on, and the edge's end of the connection gone. */
test('a sleep, through which the edge was started anew, leaves a page that works', { tag: '@page' }, async ({
  playwright,
  launchOptions,
}) => {
  const port = await freePort();
  let own = await Edge.start({ port });
  await using hideable = await HideablePage.open(playwright.chromium, launchOptions);
  try {
    const demo = new DemoPage(hideable.page);
    await demo.open(own.url, QUERY);
    await expect(demo.result).toContainText(TEXT);
    await hideable.page.getByTestId('again').click();
    await hideable.hide();
    await own.kill();
    own = await Edge.start({ port });
    await hideable.show();
    await hideable.page.getByTestId('sample-board').click();
    await expect(demo.result).toContainText('Museum closed', { timeout: 60_000 });
    await expect(demo.offline).toBeHidden();
    await expect(demo.error).toBeHidden();
    await expect(demo.state).toHaveAttribute('data-state', 'ready');
    expect(demo.complaints).toEqual([]);
  } finally {
    await own.kill();
  }
});
