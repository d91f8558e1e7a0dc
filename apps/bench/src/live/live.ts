import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.js';
import { LiveBrowser } from './device/live-browser.js';
import { type Cores, pinCores } from './device/pinning.js';
import { BYTES_PER_MS_PER_MEGABIT, type Experiment, LOADING_MODELS } from './experiment.js';
import { fixedArms } from './fixed-arms.js';
import { type Ground, prepareGround } from './ground.js';
import { RunningLoad } from './load/running-load.js';
import { type CellRecords, type Contestant, measureCell } from './measure-cell.js';
import { LIVE_USAGE, parseLiveOptions } from './options.js';
import { Progress } from './progress.js';
import { checkLink, type LinkCheck } from './proxy/check-link.js';
import type { LinkShape } from './proxy/link-model.js';
import { ProxyProcess } from './proxy/proxy-process.js';
import { overallOf, type Standing, standingOf, summaryOf } from './summary.js';
import { cellTable } from './table.js';
import { type TermError, termErrors } from './term-errors.js';

/** Policies that always choose the same arm. */
const FIXED_POLICIES: readonly string[] = ['local', 'offload', 'offload-compressed'];
/** What the edge says of its load, and what clients make of it, settles in about this time. */
const LOAD_SETTLES_MS = 3_000;

/** A minute after a build the average is still at about this. */
const QUIET_LOAD = 0.7;

interface Cell {
  readonly network: string;
  readonly megabitsPerSecond: number;
  readonly load: string;
  readonly standings: readonly Standing[];
  readonly errors: readonly string[];
  readonly repeats: number;
}

type CellWithRecords = Cell & Pick<CellRecords, 'records'>;

/** How the device was slowed while one network was measured. */
interface Slowing {
  readonly network: string;
  readonly method: string;
  readonly measured: number;
}

interface Setting {
  readonly experiment: Experiment;
  readonly ground: Ground;
  readonly proxy: ProxyProcess;
  readonly cores: Cores;
  readonly print: (line: string) => void;
}

/** Real browser, real edge, real bytes in between: what each policy takes, and what the cost model said before. */
export const live: Bench = {
  summary: `every policy in a real browser against a real edge over a shaped link ${LIVE_USAGE}`,
  async run(args, print) {
    const { experiment, out, storeDir } = parseLiveOptions(args);
    const cores = pinCores();
    print(
      cores.edge === undefined
        ? 'Not pinned: there is one core only, or no taskset; browser and edge are part of each other’s load.'
        : `Browser and proxy on core ${cores.device}, edge and its load on core ${cores.edge}.`,
    );
    // Before anything of our own runs.
    const [loadAverage = 0] = loadavg();
    if (loadAverage > QUIET_LOAD)
      print(`! This machine is busy: load average ${loadAverage.toFixed(1)}. Believe nothing below.`);
    const links = await checkLinks(experiment, cores, print);
    const workDir = await mkdtemp(join(tmpdir(), 'cutpoint-live-'));
    try {
      const models = [...new Set([...experiment.models, ...LOADING_MODELS])];
      const ground = await prepareGround({ workDir, storeDir, models, cores, print });
      await using _edge = ground.edge;
      await using proxy = await ProxyProcess.start(ground.edge.url, cores.device);
      const { cells, slowings } = await measureAll({ experiment, ground, proxy, cores, print });
      const result = resultOf(cells, print);
      const setup = { experiment, cores, loadAverage, links, slowings };
      if (out !== undefined) await writeFile(out, JSON.stringify({ ...result, setup, cellsWithRecords: cells }));
      const detail = cells.map(({ records: _, ...cell }) => cell);
      return { ...result, detail, setup };
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  },
};

async function checkLinks(
  { megabitsPerSecond, roundTripMs }: Experiment,
  cores: Cores,
  print: (line: string) => void,
): Promise<LinkCheck[]> {
  const checks: LinkCheck[] = [];
  for (const megabits of megabitsPerSecond) {
    const check = await checkLink(shapeOf(megabits, roundTripMs), cores.device);
    const { rateErrorPct, roundTripErrorMs, slowStartErrorMs } = check;
    print(
      `Link of ${megabits} Mbit/s, ${roundTripMs} ms: rate ${signed(rateErrorPct)} %, ` +
        `round trip ${signed(roundTripErrorMs)} ms, from idle ${signed(slowStartErrorMs)} ms`,
    );
    checks.push(check);
  }
  return checks;
}

async function measureAll(setting: Setting): Promise<{ cells: CellWithRecords[]; slowings: Slowing[] }> {
  const { experiment, print } = setting;
  const { models, loads, megabitsPerSecond } = experiment;
  const progress = new Progress(models.length * loads.length * megabitsPerSecond.length);
  const cells: CellWithRecords[] = [];
  const slowings: Slowing[] = [];
  for (const model of models) {
    try {
      for await (const found of measureNetwork(setting, model)) {
        if ('method' in found) {
          slowings.push(found);
          print(`\n${model}: device slowed by ${found.method}; a worker takes ${found.measured} times as long`);
          continue;
        }
        cells.push(found);
        print(`\n${found.network}, ${found.megabitsPerSecond} Mbit/s, ${found.load}  (${progress.step()})`);
        for (const line of cellTable(found.standings)) print(line);
        for (const error of new Set(found.errors)) print(`  ! ${error}`);
      }
    } catch (error) {
      // The other networks may still be measured; this one is missing in the count of cells.
      print(`  ! ${model}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { cells, slowings };
}

/** A browser of its own for each network: what wasm once took it never gives back. */
async function* measureNetwork(setting: Setting, model: string): AsyncGenerator<Slowing | CellWithRecords> {
  const { experiment, ground, proxy, cores } = setting;
  const { policies, loads, megabitsPerSecond, roundTripMs, slowdown, seed } = experiment;
  proxy.setShape(undefined);
  await using browser = await LiveBrowser.open(proxy.url);
  const { method, measured } = await browser.slowDown(slowdown);
  yield { network: model, method, measured: Number(measured.toFixed(2)) };
  const { page } = browser;
  const opening = [model, [...ground.pictures]] as const;
  const { arms } = await page.evaluate(([name, pictures]) => globalThis.livePage.open(name, pictures), opening);
  const contestants: Contestant[] = [
    ...policies.map((policy) => ({ name: policy, chooser: { policy }, isFixed: FIXED_POLICIES.includes(policy) })),
    ...fixedArms(arms).map(({ name, arm }) => ({ name, chooser: { arm }, isFixed: true })),
  ];
  for (const load of loads) {
    const order = { edgeUrl: ground.edge.url, models: LOADING_MODELS, load, seed };
    await using running = await RunningLoad.start(order, cores.edge);
    await sleep(LOAD_SETTLES_MS);
    for (const megabits of megabitsPerSecond) {
      proxy.setShape(shapeOf(megabits, roundTripMs));
      const { records, errors, repeats } = await measureCell(page, contestants, experiment);
      yield {
        network: model.replace('bench-', ''),
        megabitsPerSecond: megabits,
        load: load.name,
        standings: contestants.map((contestant) => standingOf(contestant, records[contestant.name] ?? [])),
        errors: running.isComplete ? errors : [...errors, 'the load on the edge ended before the cell did'],
        repeats,
        records,
      };
    }
  }
}

function resultOf(cells: readonly CellWithRecords[], print: (line: string) => void) {
  const own = cells.map(({ standings, records }) => ({ standings, cutpoint: records.cutpoint ?? [] }));
  const summary = summaryOf(own);
  const terms: TermError[] = termErrors(own.flatMap(({ cutpoint }) => cutpoint));
  print('\nTerms of what cutpoint ran, mean ms:   measured  predicted       bias  |difference|');
  for (const { term, measuredMs, predictedMs, biasMs, absoluteMs } of terms) {
    const figures = [measuredMs, predictedMs, biasMs, absoluteMs].map((ms) => ms.toFixed(2).padStart(11));
    print(`  ${term.padEnd(34)}${figures.join('')}`);
  }
  const policies = overallOf(own.map(({ standings }) => standings));
  print('\nOver all cells:                            mean ms  cutpoint is faster by, mean %');
  for (const { name, meanMs, cutpointFasterPct } of policies) {
    print(`  ${name.padEnd(34)}${meanMs.toFixed(1).padStart(15)}${cutpointFasterPct.toFixed(1).padStart(12)}`);
  }
  for (const [name, value] of Object.entries(summary)) print(`${name}: ${value}`);
  return { ...summary, policies, terms };
}

function shapeOf(megabits: number, roundTripMs: number): LinkShape {
  return { bytesPerMs: megabits * BYTES_PER_MS_PER_MEGABIT, roundTripMs };
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}
