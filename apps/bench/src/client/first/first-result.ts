import type { LinkShape } from '../../live/proxy/link-model.js';
import { ProxyProcess } from '../../live/proxy/proxy-process.js';
import { median, quantile, round } from '../../statistics.js';
import { ClientBrowser } from '../client-browser.js';
import { PATHS } from '../ground.js';
import { linkInWords, linkOf } from '../links.js';
import type { Measurement } from '../measurement.js';
import { ms, quantileRatio } from '../ratios.js';
import { ISOLATED_PATH } from './plain-page.js';
import { PlainServer } from './plain-server.js';

const MEGABITS = 10;
/** The first is what the figure is of; the others show what the round trips are, and what it costs to be isolated. */
const CELLS = [
  { roundTripMs: 20, path: '/' },
  { roundTripMs: 0, path: '/' },
  { roundTripMs: 20, path: ISOLATED_PATH },
] as const;
const OTHER_PAIRS = 15;
const QUICK_PAIRS = 3;
/** On both sides: sessions are opened, code is compiled. */
const WARM_UP_PAIRS = 1;

interface Visited {
  readonly serverUrl: string;
  readonly path: string;
  /** As base64. */
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
    const own = { serverUrl: edge.url, path: `${PATHS.first}?model=${model}`, picture };
    const cells = [];
    for (const [index, { roundTripMs, path }] of CELLS.entries()) {
      const other = { serverUrl: plain.url, path, picture };
      const pairs = options.isQuick ? QUICK_PAIRS : index === 0 ? options.runs : OTHER_PAIRS;
      const cell = await comparePages(browser, { own, other, link: linkOf(MEGABITS, roundTripMs), pairs });
      print(`  ${cell.inWords}`);
      cells.push(cell);
    }
    const [first] = cells;
    if (!first) throw new Error('no links');
    return {
      findings: { firstResultRatio: { value: first.ratio, note: first.inWords } },
      detail: { firstResult: cells },
    };
  },
};

async function comparePages(
  browser: ClientBrowser,
  { own, other, link, pairs }: { own: Visited; other: Visited; link: LinkShape; pairs: number },
) {
  const times = { ownMs: [] as number[], otherMs: [] as number[] };
  for (let pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
    const pages = [
      ['ownMs', own],
      ['otherMs', other],
    ] as const;
    for (const [name, page] of pair % 2 === 0 ? pages : pages.toReversed()) {
      const passedMs = await visit(browser, page, link);
      if (pair >= 0) times[name].push(round(passedMs, 1));
    }
  }
  const ratio = quantileRatio(times, 0.5);
  const [ownMs, otherMs] = [times.ownMs, times.otherMs].map(
    (all) => `${ms(median(all))} (p95 ${ms(quantile(all, 0.95))})`,
  );
  const plain = other.path === ISOLATED_PATH ? 'plain and isolated' : 'plain';
  const inWords = `${linkInWords(link)}: ours ${ownMs}, ${plain} ${otherMs}, ${pairs} pairs, ${ratio}`;
  return { link, ratio, ...times, inWords };
}

/**
 * One visit with an empty cache, over a link of its own: what another visit left on its way must not be in it.
 * @returns ms from the navigation to the answer on the page
 */
async function visit(browser: ClientBrowser, { serverUrl, path, picture }: Visited, link: LinkShape): Promise<number> {
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
