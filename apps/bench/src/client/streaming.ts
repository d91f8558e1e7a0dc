import type { Page } from 'playwright-core';
import type { LinkShape } from '../live/proxy/link-model.js';
import { ProxyProcess } from '../live/proxy/proxy-process.js';
import { median, round } from '../statistics.js';
import { ClientBrowser, openClientPage } from './client-browser.js';
import { PATHS } from './ground.js';
import { linkInWords } from './links.js';
import type { Measurement } from './measurement.js';
import type { ArmAsked, ArmFacts } from './page/opened.js';
import type { Stages } from './page/run-stream.js';

/** For a cut that may be the one. */
const TRIAL_RUNS = 30;
const WARM_UP_RUNS = 20;
/** In turns, so that whatever else the machine does meets both. */
const BLOCKS = 4;
const STREAM = { warmUpFrames: 4, gapMs: 5 } as const;
const ROUND_TRIP_MS = 4;

interface TriedArm {
  readonly arm: ArmAsked;
  readonly stages: Stages;
}

/** Frames a second of a stream, against one inference after the other. */
export const streaming: Measurement = {
  figures: ['streamSpeedup'],
  async measure({ options, print, ground }) {
    const { edge, model } = await ground();
    await using browser = await ClientBrowser.open(options.browserArgs);
    await using proxy = await ProxyProcess.start(edge.url, undefined);
    const page = await openClientPage(await browser.visitor(), proxy.url);
    const opening = { model, picture: PATHS.picture };
    const { arms } = await page.evaluate((asked) => globalThis.clientPage.open(asked), opening);
    const { arm, stages: tried } = await evenArm(page, arms);
    const link = evenLink(tried);
    proxy.setShape(link);

    await one(page, arm, WARM_UP_RUNS);
    const frames = Math.ceil(options.runs / BLOCKS);
    const alone: Stages[] = [];
    let streamMs = 0;
    for (let block = 0; block < BLOCKS; block++) {
      const inStream = async () => {
        const request = { arm, frames, ...STREAM };
        streamMs += await page.evaluate((asked) => globalThis.clientPage.stream(asked), request);
      };
      const inTurns = async () => void alone.push(...(await one(page, arm, frames)));
      for (const way of block % 2 === 0 ? [inTurns, inStream] : [inStream, inTurns]) await way();
    }
    const perSecond = (count: number, passedMs: number) => (1000 * count) / passedMs;
    const aloneMs = alone.reduce((sum, { totalMs }) => sum + totalMs, 0);
    const [alonePerSecond, streamPerSecond] = [perSecond(alone.length, aloneMs), perSecond(frames * BLOCKS, streamMs)];
    const value = round(streamPerSecond / alonePerSecond);
    const { headMs, uploadMs, tailMs, totalMs, bytesUp } = medianOf(alone);
    const stages = `head ${headMs}, transfer ${uploadMs}, tail ${tailMs} ms of ${totalMs}`;
    const rates = `${round(streamPerSecond, 1)} against ${round(alonePerSecond, 1)} frames a second`;
    const note = `${rates}; cut ${arm.cut} in ${arm.codec}, ${stages}`;
    print(`  ${note}; ${bytesUp} bytes over ${linkInWords(link)}`);
    const detail = { arm, link, stages: medianOf(alone), streamPerSecond, alonePerSecond, frames: frames * BLOCKS };
    return { findings: { streamSpeedup: { value, note } }, detail: { streaming: detail } };
  },
};

/** The arm in 8 bits whose head takes as long here as its tail at the edge, found by halving: heads grow as tails shrink. */
async function evenArm(page: Page, arms: readonly ArmFacts[]): Promise<TriedArm> {
  const possible = arms.filter(({ codec, headMs, tailMs }) => codec === 'u8' && headMs > 0 && tailMs > 0);
  const byHead = possible.toSorted((a, b) => a.headMs - b.headMs);
  let best: TriedArm | undefined;
  for (let [low, high] = [0, byHead.length]; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const { cut = 0, codec = 'u8' } = byHead[middle] ?? {};
    const tried = await tryArm(page, { cut, codec });
    if (!best || unevenness(tried) < unevenness(best)) best = tried;
    if (tried.stages.headMs > tried.stages.tailMs) high = middle;
    else low = middle + 1;
  }
  if (!best) throw new Error('there is no cut in the middle');
  return best;
}

async function tryArm(page: Page, arm: ArmAsked): Promise<TriedArm> {
  const stages = await one(page, arm, TRIAL_RUNS);
  // The first ones are slower than all that follow.
  return { arm, stages: medianOf(stages.slice(TRIAL_RUNS / 2)) };
}

function unevenness({ stages: { headMs, tailMs } }: TriedArm): number {
  return Math.abs(Math.log(headMs / tailMs));
}

/** On which the transfer takes as long as the other two. */
function evenLink({ headMs, tailMs, bytesUp }: Stages): LinkShape {
  return { bytesPerMs: round(bytesUp / ((headMs + tailMs) / 2)), roundTripMs: ROUND_TRIP_MS };
}

function one(page: Page, arm: ArmAsked, runs: number): Promise<Stages[]> {
  return page.evaluate((asked) => globalThis.clientPage.oneAfterTheOther(asked), { arm, runs });
}

function medianOf(all: readonly Stages[]): Stages {
  const of = (value: (stages: Stages) => number) => round(median(all.map(value)), 1);
  return {
    headMs: of(({ headMs }) => headMs),
    uploadMs: of(({ uploadMs }) => uploadMs),
    tailMs: of(({ tailMs }) => tailMs),
    totalMs: of(({ totalMs }) => totalMs),
    bytesUp: of(({ bytesUp }) => bytesUp),
  };
}
