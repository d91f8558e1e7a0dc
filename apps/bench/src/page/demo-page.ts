import type { BrowserContext, Page } from 'playwright-core';

/** Inferences of the page, one after the other, with the plots shown or hidden throughout. */
export interface PlotsBlock {
  readonly totalsMs: readonly number[];
}

interface BlockOptions {
  readonly pairs: number;
  /** Inferences of a block that count. */
  readonly runs: number;
}

/** After the plots were shown or hidden so many inferences are left out. */
const SETTLE_RUNS = 5;
/** Before the first block: heads are built, and the cut comes to rest. */
const WARM_UP_RUNS = 150;

declare global {
  /** Totals of the inferences since the page was opened, as the page shows them. */
  var shownTotalsMs: number[];
  var firstShown: { part?: number; whole?: number };
}

/** Alternates shown and hidden in one page; which comes first alternates as well. */
export async function runBlocks(context: BrowserContext, url: string, { pairs, runs }: BlockOptions) {
  const page = await context.newPage();
  page.setDefaultTimeout(0);
  // A policy that moves the cut would be measured instead: the same arm runs throughout.
  await page.goto(`${url}&policy=offload`);
  await page.locator('#answer:not([data-runs="0"])').waitFor({ state: 'attached' });
  await listen(page);
  await page.locator('#live-title').scrollIntoViewIfNeeded();
  await page.locator('#plots canvas').first().waitFor();
  await take(page, WARM_UP_RUNS);
  const blocks: { shown: PlotsBlock; hidden: PlotsBlock }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const measured = new Map<boolean, PlotsBlock>();
    for (const isShown of pair % 2 === 0 ? [true, false] : [false, true]) {
      await page.locator('#plots').evaluate(
        (plots, display) => {
          plots.style.display = display;
        },
        isShown ? '' : 'none',
      );
      measured.set(isShown, { totalsMs: await take(page, runs) });
    }
    blocks.push({ shown: measured.get(true) ?? { totalsMs: [] }, hidden: measured.get(false) ?? { totalsMs: [] } });
  }
  await page.close();
  return blocks;
}

/** In ms from entering the address. */
export interface FirstResult {
  /** Something that was read can be seen: the first line of a text. */
  readonly partMs: number;
  /** All of it. */
  readonly wholeMs: number;
}

/** In new pages of a browser that was there before. */
export async function firstResults(context: BrowserContext, url: string, visits: number): Promise<FirstResult[]> {
  const results: FirstResult[] = [];
  for (let visit = 0; visit <= visits; visit++) {
    const page = await context.newPage();
    page.setDefaultTimeout(0);
    await page.addInitScript(watchFirst);
    await page.goto(url);
    await page.waitForFunction(() => globalThis.firstShown.whole !== undefined);
    const { part = Number.NaN, whole = Number.NaN } = await page.evaluate(() => globalThis.firstShown);
    // The first visit fills the cache, and leaves the weights time to arrive.
    if (visit === 0) await page.waitForTimeout(10_000);
    else results.push({ partMs: part, wholeMs: whole });
    await page.close();
  }
  return results;
}

/** Runs in the page, before its own scripts. Its clock begins with the navigation. */
function watchFirst(): void {
  globalThis.firstShown = {};
  document.addEventListener('DOMContentLoaded', () => {
    const answer = document.querySelector<HTMLElement>('#answer');
    if (answer === null) throw new Error('the page has no #answer');
    new MutationObserver(() => {
      const { firstShown } = globalThis;
      // A line that is only found has no score yet.
      if (answer.querySelector('li small, .labels li')) firstShown.part ??= performance.now();
      if (answer.dataset.runs !== '0') firstShown.whole ??= performance.now();
    }).observe(answer, { attributeFilter: ['data-runs'], childList: true });
  });
}

async function listen(page: Page): Promise<void> {
  await page.evaluate(() => {
    globalThis.shownTotalsMs = [];
    const answer = document.querySelector('#answer');
    if (answer === null) throw new Error('the page has no #answer');
    // The figure is replaced in the same turn, after the count.
    new MutationObserver(() => {
      const text = document.querySelector('[data-testid="total-ms"]')?.textContent ?? '';
      globalThis.shownTotalsMs.push(Number.parseFloat(text));
    }).observe(answer, { attributeFilter: ['data-runs'] });
  });
}

async function take(page: Page, runs: number): Promise<number[]> {
  await page.evaluate(() => {
    globalThis.shownTotalsMs.length = 0;
  });
  await page.waitForFunction((wanted) => globalThis.shownTotalsMs.length >= wanted, runs + SETTLE_RUNS);
  return page.evaluate(([from, to]) => globalThis.shownTotalsMs.slice(from, to), [SETTLE_RUNS, runs + SETTLE_RUNS]);
}
