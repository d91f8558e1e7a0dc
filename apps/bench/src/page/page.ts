import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import type { Bench } from '../bench.js';
import { launchChromium } from '../browser/chromium.js';
import { EdgeProcess } from '../overhead/edge-process.js';
import { median, quantile, round } from '../statistics.js';
import { firstResults, type PlotsBlock, runBlocks } from './demo-page.js';

/** The project's root, as seen from `apps/bench/dist/page`. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const READING = ['ppocr-det', 'ppocr-rec'];
/** A small network: the shorter an inference, the more what is drawn beside it weighs. */
const SMALL = 'bench-squeezenet';
const FIRST_VISITS = 7;

/** What the demo page costs: its plots, and the time until it shows something. */
export const page: Bench = {
  summary: 'the demo page: plots shown or hidden, and its first result [--pairs 20] [--runs 150] [--store DIR]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        pairs: { type: 'string', default: '20' },
        runs: { type: 'string', default: '150' },
        store: { type: 'string', default: '.cutpoint' },
      },
    });
    const [pairs, runs] = [values.pairs, values.runs].map(Number);
    if (!Number.isInteger(pairs) || !Number.isInteger(runs) || !pairs || !runs)
      throw new Error('--pairs and --runs are numbers of at least 1');
    const workDir = await mkdtemp(join(tmpdir(), 'cutpoint-page-bench-'));
    try {
      await buildPage(join(workDir, 'page'));
      await copyModels(join(workDir, 'models'));
      await using edge = await EdgeProcess.start({
        modelsDir: join(workDir, 'models'),
        homeDir: workDir,
        args: ['--page', join(workDir, 'page'), '--store', resolve(values.store), '--log-level', 'error'],
      });
      for (const model of [...READING, SMALL]) await edge.untilPrepared(model, print);
      const browser = await launchChromium(['--disable-features=WebGPU']);
      try {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        const plots = plotsCost(
          await runBlocks(context, `${edge.url}/?model=${SMALL}&device=wasm&repeat=1`, { pairs, runs }),
        );
        print(
          `plots: p50 ${plots.shownP50Ms} ms shown, ${plots.hiddenP50Ms} ms hidden; ` +
            `${plots.plotsPct} % more when shown (median of ${pairs} pairs; quartiles ${plots.quartilesPct.join(' to ')} %)`,
        );
        const first = await firstResults(context, `${edge.url}/?device=wasm`, FIRST_VISITS);
        const [part, whole] = [first.map(({ partMs }) => partMs), first.map(({ wholeMs }) => wholeMs)];
        print(
          `first result, warm cache, two networks: the first line after ${round(median(part), 0)} ms, the whole page after ` +
            `${round(median(whole), 0)} ms (${whole.map((ms) => round(ms, 0)).join(', ')})`,
        );
        return { ...plots, firstLineMs: round(median(part), 0), firstResultMs: round(median(whole), 0) };
      } finally {
        await browser.close();
      }
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  },
};

/** Blocks come in pairs, one after the other, so that what drifts on the machine is the same for both. */
export function plotsCost(pairs: readonly { readonly shown: PlotsBlock; readonly hidden: PlotsBlock }[]) {
  const changes = pairs.map(({ shown, hidden }) => (median(shown.totalsMs) / median(hidden.totalsMs) - 1) * 100);
  return {
    plotsPct: round(median(changes), 2),
    quartilesPct: [round(quantile(changes, 0.25), 2), round(quantile(changes, 0.75), 2)],
    shownP50Ms: round(median(pairs.flatMap(({ shown }) => shown.totalsMs)), 2),
    hiddenP50Ms: round(median(pairs.flatMap(({ hidden }) => hidden.totalsMs)), 2),
  };
}

async function buildPage(outDir: string): Promise<void> {
  await build({ root: ROOT, configFile: join(ROOT, 'vite.config.ts'), logLevel: 'error', build: { outDir } });
}

async function copyModels(folder: string): Promise<void> {
  await mkdir(folder);
  for (const model of [...READING, SMALL])
    await cp(join(ROOT, 'models', model), join(folder, model), { recursive: true });
}
