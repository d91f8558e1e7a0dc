import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, type Page, test } from '@playwright/test';
import axe from 'axe-core';
import { Edge, freePort, projectRoot } from './harness/edge.js';
import { HideablePage } from './harness/hidden-page.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage, serveSmallSample } from './page-driver.js';

/** What the page looks like on every screen, what it weighs, and that it outlives what happens to pages. */

const TEXT = 'Invoice 2024-117';
const QUERY = '?device=wasm&policy=offload';
const WIDTHS = [360, 768, 1440];
/** Every script of the page and of its workers that is asked for before the first answer, gzipped, without onnxruntime's. */
const MAX_SCRIPT_BYTES = 80 * 1024;
/** Looked at by people. */
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

interface Script {
  readonly path: string;
  /** Of the request, as `Date.now()`; -1 where the browser does not say, as of what a worker fetches. */
  readonly askedAtMs: number;
  readonly numBytes: Promise<number>;
}

/** All scripts that a page fetches, gzipped, without onnxruntime's: static ones, dynamic ones, those of workers and what these import. */
function weighScripts(page: Page): Script[] {
  const scripts: Script[] = [];
  // Of the context, which hears what workers fetch too.
  page.context().on('response', (response) => {
    const { pathname: path } = new URL(response.url());
    if (!/\.m?js$/.test(path) || path.includes('/ort')) return;
    const numBytes = response.body().then((body) => gzipSync(body, { level: 9 }).length);
    scripts.push({ path, askedAtMs: response.request().timing().startTime, numBytes });
  });
  return scripts;
}

/** When the page had its first answer, as `Date.now()`. */
async function noteFirstAnswer(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => {
      const result = document.querySelector('[data-testid="result"]');
      const note = new MutationObserver(() => {
        document.documentElement.dataset.answeredAtMs ??= String(Date.now());
      });
      if (result) note.observe(result, { attributeFilter: ['data-runs'] });
    });
  });
  return async () => Number(await page.locator('html').getAttribute('data-answered-at-ms'));
}

test(
  'all scripts before the first answer are small, those fetched on the way to it and those of workers included',
  {
    tag: '@page',
  },
  async ({ page }, testInfo) => {
    const demo = new DemoPage(page);
    const scripts = weighScripts(page);
    const answeredAtMs = await noteFirstAnswer(page);
    // Five lines: whoever waits for ten seconds is given more than the answer needs, and a busy machine takes as long for twenty.
    await demo.open(edge().url, `${QUERY}&sample=board`);
    await demo.answered();
    await expect(demo.result).toContainText('Museum closed');
    const untilMs = await answeredAtMs();
    expect(untilMs).toBeGreaterThan(0);

    const entry = await (await page.request.get(edge().url)).text();
    const before = scripts.filter(({ askedAtMs }) => askedAtMs <= untilMs);
    const sumOf = async (some: readonly Script[]): Promise<number> =>
      (await Promise.all(some.map(({ numBytes }) => numBytes))).reduce((sum, more) => sum + more, 0);
    const ofEntry = await sumOf(before.filter(({ path }) => entry.includes(path)));
    const all = await sumOf(before);
    const each = await Promise.all(before.map(async ({ path, numBytes }) => `${path} ${await numBytes}`));
    const words = `of the entry ${ofEntry}, all ${all}: ${each.join(', ')}`;
    testInfo.annotations.push({ type: 'scripts, gzipped bytes', description: words });
    // What decides comes after the first inference, of which an answer that is read line by line has many.
    for (const name of ['index', 'runtime-worker', 'picture-worker', 'rest', 'decision']) expect(words).toContain(name);
    expect(all, words).toBeLessThanOrEqual(MAX_SCRIPT_BYTES);
  },
);

test('at every width, light and dark: nothing scrolls sideways, and axe finds nothing', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, QUERY);
  await expect(demo.result).toContainText(TEXT);
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

test('what the edge could not give for a moment comes with the next answer', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page, { networkFails: true });
  let tries = 0;
  await page.route('**/assets/workbench*', (route) => {
    tries += 1;
    return tries === 1 ? route.abort() : route.continue();
  });
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, QUERY);
  await demo.answered();
  await expect.poll(() => tries).toBe(1);
  await expect(page.getByTestId('policy')).toBeHidden();
  await page.getByTestId('again').click();
  await expect(page.getByTestId('policy')).toBeVisible();
  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveCount(1);
  expect(demo.complaints).toEqual([]);
});

test('axe finds nothing while the page loads, where it failed, and while the edge is away', { tag: '@page' }, async ({
  page,
}) => {
  await using mortal = await Edge.start();
  const demo = new DemoPage(page, { networkFails: true });
  const shoot = (state: string) => page.screenshot({ path: join(SHOTS, `${state}.png`) });
  const expectNothing = async (state: string) => {
    await page.evaluate(axe.source);
    await shoot(state);
    expect(await violations(page), state).toEqual([]);
  };
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route('**/manifest', async (route) => {
    await held;
    await route.continue();
  });
  await serveSmallSample(page, TEXT);
  await demo.open(mortal.url, QUERY);
  await expect(demo.status).not.toBeEmpty();
  await expectNothing('loading');
  letGo();
  await expect(demo.result).toContainText(TEXT);
  await mortal.kill();
  await expect(demo.offline).toBeVisible();
  await expectNothing('offline');
  await demo.open(edge().url, `${QUERY}&model=nonesuch`);
  await expect(demo.state).toHaveAttribute('data-state', 'failed');
  await expectNothing('failed');
  expect(demo.complaints).toEqual([]);
});

test('every control is reached by the keyboard, in the order of the page, with a name', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await serveSmallSample(page, TEXT);
  await demo.open(edge().url, QUERY);
  await expect(demo.result).toContainText(TEXT);
  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveCount(1);
  // What is only there while something runs or is fetched comes and goes.
  await expect(demo.state).toHaveAttribute('data-state', 'ready');
  await expect(page.getByTestId('progress')).toBeHidden();
  const reachable = 'a[href], button:enabled, input:enabled, select:enabled, [tabindex="0"]';
  const wanted = await page.locator(reachable).filter({ visible: true }).count();
  const seen: string[] = [];
  const places: number[] = [];
  for (let step = 0; step < wanted; step++) {
    await page.keyboard.press('Tab');
    await expect(page.locator(':focus'), 'its name').toHaveAccessibleName(/\S/);
    places.push(
      await page.evaluate(() => [...document.querySelectorAll('*')].indexOf(document.activeElement ?? document.body)),
    );
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
  expect(places, 'in the order of the page').toEqual(places.toSorted((a, b) => a - b));
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
  await serveSmallSample(page, TEXT);
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
    const demo = new DemoPage(hideable.page, { networkFails: true });
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
