import { Worker } from 'node:worker_threads';
import type { Page } from 'playwright-core';
import type { LinkShape } from '../live/proxy/link-model.js';
import { ProxyProcess } from '../live/proxy/proxy-process.js';
import { median, quantile, round } from '../statistics.js';
import { ClientBrowser, openClientPage } from './client-browser.js';
import { type ClientGround, PATHS } from './ground.js';
import { linkInWords, linkOf } from './links.js';
import type { Measurement } from './measurement.js';
import type { ArmAsked, ArmFacts } from './page/opened.js';
import type { SwitchTimes } from './page/switch-cut.js';
import { ms, quantileRatio } from './ratios.js';

const P95 = 0.95;
const SLOW_LINK = linkOf(4, 40);
const WARM_UP_RUNS = 25;
const QUICK_WARM_UP_RUNS = 5;
const MOST_MS = 45_000;
/** A switch is over soon on a fast link, so it takes more of them for as many runs. */
const FAST_ROUNDS = 5;
const SLOW_ROUNDS = 2;

/** What goes on running while the whole network is fetched and built. */
interface Scenario {
  readonly name: string;
  readonly arm: ArmAsked;
  readonly to: number;
}

interface Round extends SwitchTimes {
  readonly steadyMs: readonly number[];
}

/** Whether inferences stall while another head is fetched, built and warmed up. */
export const switching: Measurement = {
  figures: ['switchP95Ratio'],
  async measure({ options, print, ground }) {
    const made = await ground();
    const { isQuick, runs } = options;
    await using browser = await ClientBrowser.open(options.browserArgs);
    const cells = [];
    for (const [link, fullRounds] of [
      [undefined, FAST_ROUNDS],
      [SLOW_LINK, SLOW_ROUNDS],
    ] as const) {
      const rounds = isQuick ? 1 : fullRounds;
      const warmUpRuns = isQuick ? QUICK_WARM_UP_RUNS : WARM_UP_RUNS;
      const order = { link, warmUpRuns, runs: Math.ceil(runs / rounds) };
      for (const name of ['offload', 'head'] as const) {
        const cell = await measureCell(browser, made, { ...order, name, meanwhile: 'a switch' }, rounds);
        print(`  ${inWords(cell)}`);
        cells.push(cell);
      }
    }
    const control = await measureCell(browser, made, controlOf(runs), 1);
    print(`  ${inWords(control)}`);
    const [worst] = cells.toSorted((a, b) => b.ratio - a.ratio);
    if (!worst) throw new Error('nothing was measured');
    const beside = `beside any other busy thread it is ${control.ratio}`;
    const note = `the worst of ${cells.length}: ${inWords(worst)}; ${beside}`;
    return {
      findings: { switchP95Ratio: { value: worst.ratio, note } },
      detail: { switching: { cells, control } },
    };
  },
};

interface Order {
  readonly name: 'offload' | 'head';
  readonly link: LinkShape | undefined;
  readonly warmUpRuns: number;
  readonly runs: number;
  /** What happens while it goes on running. */
  readonly meanwhile: 'a switch' | 'a busy thread';
}

/** What one more thread costs by itself on this machine, where browser, edge and proxy share the cores. */
function controlOf(runs: number): Order {
  return { name: 'offload', link: undefined, warmUpRuns: WARM_UP_RUNS, runs, meanwhile: 'a busy thread' };
}

async function measureCell(browser: ClientBrowser, made: ClientGround, order: Order, rounds: number) {
  const all: Round[] = [];
  let arms = '';
  for (let round = 0; round < rounds; round++) {
    const { scenario, ...measured } = await measureRound(browser, made, order);
    const from = `${scenario.arm.cut}/${scenario.arm.codec}`;
    arms = order.meanwhile === 'a switch' ? `${from} to ${scenario.to}` : `${from} beside a busy thread`;
    all.push(measured);
  }
  return cellOf(`${arms}, ${order.link ? linkInWords(order.link) : 'loopback'}`, all);
}

/** A visitor of its own: a head that was built once is there. */
async function measureRound(
  browser: ClientBrowser,
  { edge, model }: ClientGround,
  order: Order,
): Promise<Round & { scenario: Scenario }> {
  await using proxy = await ProxyProcess.start(edge.url, undefined, 'all');
  const context = await browser.visitor();
  try {
    const page = await openClientPage(context, proxy.url);
    const opening = { model, picture: PATHS.picture };
    const { arms } = await page.evaluate((asked) => globalThis.clientPage.open(asked), opening);
    const scenario = scenarioOf(order.name, arms);
    // What runs already was fetched before; the link is slow for what comes.
    await steady(page, scenario.arm, order.warmUpRuns);
    proxy.setShape(order.link);
    await steady(page, scenario.arm, order.warmUpRuns);
    // Half before and half after: whatever drifts meets both.
    const half = Math.ceil(order.runs / 2);
    const before = await steady(page, scenario.arm, half);
    const { duringMs, readyMs } = await (order.meanwhile === 'a switch'
      ? duringSwitch(page, scenario)
      : besideBusyThread(page, scenario, order.runs));
    const steadyMs = [...before, ...(await steady(page, scenario.arm, half))];
    return { scenario, steadyMs, duringMs, readyMs };
  } finally {
    await context.close();
  }
}

function duringSwitch(page: Page, { arm, to }: Scenario): Promise<SwitchTimes> {
  return page.evaluate((asked) => globalThis.clientPage.switchCut(asked), { arm, to, mostMs: MOST_MS });
}

async function besideBusyThread(page: Page, { arm }: Scenario, runs: number): Promise<SwitchTimes> {
  const busy = new Worker('for (;;);', { eval: true });
  try {
    return { duringMs: await steady(page, arm, runs), readyMs: null };
  } finally {
    await busy.terminate();
  }
}

function steady(page: Page, arm: ArmAsked, runs: number): Promise<number[]> {
  return page.evaluate((asked) => globalThis.clientPage.steady(asked), { arm, runs });
}

/** From everything at the edge, and from a head that shares the runtime with what is built; both to the whole network. */
function scenarioOf(name: 'offload' | 'head', arms: readonly ArmFacts[]): Scenario {
  const whole = arms.find(({ usesEdge }) => !usesEdge);
  if (!whole) throw new Error('no arm does without the edge');
  const middle = (arm: ArmFacts) => arm.headMs > 0.2 * whole.headMs && arm.headMs < 0.6 * whole.headMs;
  const possible = arms.filter((arm) =>
    name === 'offload' ? arm.cut === 0 && arm.codec === 'jpeg' : arm.usesEdge && arm.codec === 'u8' && middle(arm),
  );
  const [arm] = possible.toSorted((a, b) => a.bytesUp - b.bytesUp);
  if (!arm) throw new Error(`no arm to switch from: ${name}`);
  return { name, arm: { cut: arm.cut, codec: arm.codec }, to: whole.cut };
}

function cellOf(name: string, rounds: readonly Round[]) {
  const [otherMs, ownMs] = [rounds.flatMap(({ steadyMs }) => steadyMs), rounds.flatMap(({ duringMs }) => duringMs)];
  return {
    name,
    ratio: quantileRatio({ ownMs, otherMs }, P95),
    steadyP95Ms: round(quantile(otherMs, P95), 1),
    duringP95Ms: round(quantile(ownMs, P95), 1),
    steadyMedianMs: round(median(otherMs), 1),
    duringMedianMs: round(median(ownMs), 1),
    worstMs: round(Math.max(...ownMs), 1),
    steadyRuns: otherMs.length,
    duringRuns: ownMs.length,
    readyMs: rounds.map(({ readyMs }) => readyMs && Math.round(readyMs)),
  };
}

function inWords(cell: ReturnType<typeof cellOf>): string {
  const { name, ratio, steadyP95Ms, duringP95Ms, steadyMedianMs, duringMedianMs, worstMs, duringRuns } = cell;
  const ready = cell.readyMs.map((readyMs) => (readyMs === null ? 'never' : ms(readyMs))).join(', ');
  return (
    `${name}: p95 ${duringP95Ms} over ${steadyP95Ms} ms = ${ratio}; medians ${duringMedianMs} over ${steadyMedianMs}, ` +
    `worst ${worstMs} ms, ${duringRuns} runs, ready after ${ready}`
  );
}
