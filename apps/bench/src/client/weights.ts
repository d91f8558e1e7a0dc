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

/** Slow enough that a cut in the middle pays on some of them. */
const MEGABITS = [16, 4, 2];
const ROUND_TRIP_MS = 20;
const SETTLE = { leastRuns: 60, quietMs: 3_000, mostMs: 60_000 } as const;
const QUICK_SETTLE = { leastRuns: 20, quietMs: 1_000, mostMs: 15_000 } as const;

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

/** Somebody new on each link, with the client's defaults, until nothing is fetched any more. */
async function measureSteady({ options, print, ground }: Setting): Promise<Measured> {
  const { edge, model } = await ground();
  await using browser = await ClientBrowser.open(options.browserArgs);
  const cells = [];
  for (const megabits of MEGABITS) {
    await using proxy = await ProxyProcess.start(edge.url, undefined, 'all');
    const context = await browser.visitor();
    try {
      const page = await openClientPage(context, proxy.url);
      const fetched = await PackBytes.of(page);
      const link = linkOf(megabits, ROUND_TRIP_MS);
      proxy.setShape(link);
      const opening = { model, picture: PATHS.picture, policy: 'cutpoint' } as const;
      await page.evaluate((asked) => globalThis.clientPage.open(asked), opening);
      const order = options.isQuick ? QUICK_SETTLE : SETTLE;
      const settled = await page.evaluate((asked) => globalThis.clientPage.settle(asked), order);
      const { cutsInUse, neededBytes, hasSettled } = settled;
      const fetchedBytes = fetched.numBytes;
      const pct = neededBytes === 0 ? null : round((fetchedBytes / neededBytes) * 100, 1);
      print(
        `  ${linkInWords(link)}: cuts ${cutsInUse.join(', ')} in use need ${neededBytes} bytes of weights, ` +
          `${fetchedBytes} were fetched${pct === null ? '' : `, ${pct} %`}${hasSettled ? '' : ', and more was coming'}`,
      );
      cells.push({ link, ...settled, fetchedBytes, pct });
    } finally {
      await context.close();
    }
  }
  const value = largest(cells.map(({ pct }) => pct));
  const worst = cells.find(({ pct }) => pct === value);
  const note =
    value === null || !worst
      ? 'no head was in use on any of the links'
      : `the worst of ${MEGABITS.join(', ')} Mbit/s: ${worst.fetchedBytes} of ${worst.neededBytes} bytes, cuts ${worst.cutsInUse.join(', ')}`;
  return { findings: { weightBytesFetchedPct: { value, note } }, detail: { steadyWeights: cells } };
}
