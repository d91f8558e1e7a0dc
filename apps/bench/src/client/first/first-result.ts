import type { LinkShape } from '../../live/proxy/link-model.js';
import { ProxyProcess } from '../../live/proxy/proxy-process.js';
import { median, quantile, round } from '../../statistics.js';
import { ClientBrowser } from '../client-browser.js';
import { PATHS } from '../ground.js';
import { linkInWords, linkOf } from '../links.js';
import type { Measurement } from '../measurement.js';
import { ms, quantileRatio } from '../ratios.js';
import { PlainServer } from './plain-server.js';

const MEGABITS = 10;
/** The first is what the figure is of; the other shows what the round trips are. */
const ROUND_TRIPS_MS = [20, 0];
const PAIRS = 12;
const QUICK_PAIRS = 3;
/** On both sides: sessions are opened, code is compiled. */
const WARM_UP_PAIRS = 1;

interface Visit {
  readonly serverUrl: string;
  readonly path: string;
  readonly link: LinkShape;
  readonly picture: string;
}

/** How long somebody waits who comes for the first time: with our client, and with a page that only posts a JPEG. */
export const firstResult: Measurement = {
  figures: ['firstResultRatio'],
  async measure({ options, print, ground }) {
    const { edge, model, picture: bytes } = await ground();
    const picture = Buffer.from(bytes).toString('base64');
    await using plain = await PlainServer.start(edge.url, model);
    await using browser = await ClientBrowser.open(options.browserArgs);
    const own = { serverUrl: edge.url, path: `${PATHS.first}?model=${model}` };
    const other = { serverUrl: plain.url, path: '/' };
    const cells = [];
    for (const roundTripMs of ROUND_TRIPS_MS) {
      const link = linkOf(MEGABITS, roundTripMs);
      const times = { ownMs: [] as number[], otherMs: [] as number[] };
      for (let pair = -WARM_UP_PAIRS; pair < (options.isQuick ? QUICK_PAIRS : PAIRS); pair++) {
        const pages = [
          ['ownMs', own],
          ['otherMs', other],
        ] as const;
        for (const [name, page] of pair % 2 === 0 ? pages : pages.toReversed()) {
          const passedMs = await visit(browser, { ...page, link, picture });
          if (pair >= 0) times[name].push(passedMs);
        }
      }
      const [ownMs, otherMs] = [median(times.ownMs), median(times.otherMs)];
      const ratio = quantileRatio(times, 0.5);
      const inWords = linkInWords(link);
      print(`  ${inWords}: ours ${ms(ownMs)} (p95 ${ms(quantile(times.ownMs, 0.95))}), plain ${ms(otherMs)}, ${ratio}`);
      cells.push({
        link,
        ratio,
        ownMs: times.ownMs.map((value) => round(value)),
        plainMs: times.otherMs.map((value) => round(value)),
      });
    }
    const [first] = cells;
    if (!first) throw new Error('no links');
    const words = `ours ${ms(median(first.ownMs))}, plain ${ms(median(first.plainMs))}`;
    const note = `${linkInWords(first.link)}: ${words}, ${first.ownMs.length} pairs`;
    return { findings: { firstResultRatio: { value: first.ratio, note } }, detail: { firstResult: cells } };
  },
};

/**
 * One visit with an empty cache, over a link of its own: what another visit left on its way must not be in it.
 * @returns ms from the navigation to the answer on the page
 */
async function visit(browser: ClientBrowser, { serverUrl, path, link, picture }: Visit): Promise<number> {
  await using proxy = await ProxyProcess.start(serverUrl, undefined, 'all');
  proxy.setShape(link);
  const context = await browser.visitor();
  try {
    await context.addInitScript((file) => {
      globalThis.pictureFile = file;
    }, picture);
    const page = await context.newPage();
    await page.goto(proxy.url + path, { waitUntil: 'commit' });
    const answered = await page.waitForFunction(() => globalThis.firstResultMs, undefined, { polling: 100 });
    return (await answered.jsonValue()) ?? Number.NaN;
  } finally {
    await context.close();
  }
}
