import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { launchProfile } from '../browser/chromium.js';
import { ProxyProcess } from '../live/proxy/proxy-process.js';
import { round } from '../statistics.js';
import { ClientBrowser, openClientPage } from './client-browser.js';
import { type ClientGround, PATHS } from './ground.js';
import { linkInWords, linkOf } from './links.js';
import type { Measured, Measurement, Setting } from './measurement.js';
import { PackBytes } from './pack-bytes.js';
import { largest } from './ratios.js';

/** Links on which somebody new comes, and whether the picture may leave the page: a cut in the middle needs either. */
const STEADY = [
  { link: undefined, keepInputOnDevice: true },
  { link: linkOf(16, 20), keepInputOnDevice: true },
  { link: linkOf(16, 20), keepInputOnDevice: false },
  { link: linkOf(2, 20), keepInputOnDevice: false },
] as const;
/** More than onnxruntime-web and all weights, as they are sent. */
const ALL_BYTES = 10e6;
const SETTLE = { leastMs: 10_000, quietMs: 4_000, mostMs: 90_000 } as const;
const QUICK_SETTLE = { leastMs: 3_000, quietMs: 1_000, mostMs: 15_000 } as const;

/** Which weights are fetched: those that are used, once. */
export const weights: Measurement = {
  figures: ['secondVisitBytes', 'weightBytesFetchedPct'],
  async measure(setting) {
    const visits = await measureVisits(setting);
    const steady = await measureSteady(setting);
    return {
      findings: { ...visits.findings, ...steady.findings },
      detail: { ...visits.detail, ...steady.detail },
    };
  },
};

/** Two visits by the same person, the browser closed in between; each needs all weights. */
async function measureVisits({ options, print, ground }: Setting): Promise<Measured> {
  const made = await ground();
  const profile = await mkdtemp(join(tmpdir(), 'cutpoint-profile-'));
  try {
    const bytes: number[] = [];
    for (let visit = 0; visit < 2; visit++) {
      const context = await launchProfile(profile, options.browserArgs);
      try {
        bytes.push(await bytesOfVisit(context, made));
      } finally {
        await context.close();
      }
    }
    const [first = 0, second = Number.NaN] = bytes;
    if (first === 0) throw new Error('the first visit fetched no weights: nothing was counted');
    const note = `the first visit fetched ${first} bytes of weights, the second ${second}`;
    print(`  ${note}`);
    return { findings: { secondVisitBytes: { value: second, note } }, detail: { visitBytes: bytes } };
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

async function bytesOfVisit(context: BrowserContext, { edge, model }: ClientGround): Promise<number> {
  const page = await openClientPage(context, edge.url);
  const fetched = await PackBytes.of(page);
  await page.evaluate((asked) => globalThis.clientPage.open(asked), { model, picture: PATHS.picture });
  await page.evaluate(() => globalThis.clientPage.runLocally());
  return fetched.numBytes;
}

/** Somebody new on each link, until nothing is fetched any more. */
async function measureSteady({ options, print, ground }: Setting): Promise<Measured> {
  const made = await ground();
  await using browser = await ClientBrowser.open(options.browserArgs);
  const cells = [];
  for (const visit of STEADY) {
    const cell = await settleOn(browser, made, visit, options.isQuick);
    print(`  ${cell.name}: ${inWords(cell)}`);
    cells.push(cell);
  }
  const value = largest(cells.map(({ pct }) => pct));
  const worst = cells.find(({ pct }) => pct !== null && pct === value);
  const note = worst ? `the worst of ${cells.length}: ${worst.name}, ${inWords(worst)}` : 'no head was in use anywhere';
  return { findings: { weightBytesFetchedPct: { value, note } }, detail: { steadyWeights: cells } };
}

async function settleOn(
  browser: ClientBrowser,
  { edge, model }: ClientGround,
  { link, keepInputOnDevice }: (typeof STEADY)[number],
  isQuick: boolean,
) {
  await using proxy = await ProxyProcess.start(edge.url, undefined, 'all');
  const context = await browser.visitor();
  try {
    const page = await openClientPage(context, proxy.url);
    const fetched = await PackBytes.of(page);
    proxy.setShape(link);
    const opening = { model, picture: PATHS.picture, policy: 'cutpoint', keepInputOnDevice } as const;
    await page.evaluate((asked) => globalThis.clientPage.open(asked), opening);
    const order = isQuick ? QUICK_SETTLE : SETTLE;
    const leastMs = Math.max(order.leastMs, isQuick || !link ? 0 : ALL_BYTES / link.bytesPerMs);
    const settled = await page.evaluate((asked) => globalThis.clientPage.settle(asked), { ...order, leastMs });
    const fetchedBytes = fetched.numBytes;
    const pct = settled.neededBytes === 0 ? null : round((fetchedBytes / settled.neededBytes) * 100, 1);
    const where = link ? linkInWords(link) : 'loopback';
    return { name: `${where}${keepInputOnDevice ? ', input kept' : ''}`, ...settled, fetchedBytes, pct };
  } finally {
    await context.close();
  }
}

function inWords(cell: Awaited<ReturnType<typeof settleOn>>): string {
  const { cutsInUse, neededBytes, fetchedBytes, hasSettled, pct } = cell;
  const share = pct === null ? '' : `, ${pct} %`;
  const more = hasSettled ? '' : ', and more was coming';
  return `cuts ${cutsInUse.join(', ')} need ${neededBytes} bytes of weights, ${fetchedBytes} were fetched${share}${more}`;
}
