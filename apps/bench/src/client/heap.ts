import type { Page, Worker } from 'playwright-core';
import { ClientBrowser, openClientPage } from './client-browser.js';
import { PATHS } from './ground.js';
import type { Measurement } from './measurement.js';
import { installMemoryProbe, type MemorySizes } from './memory-probe.js';
import type { ArmFacts } from './page/opened.js';
import { growthPct, largest } from './ratios.js';

const RUNS = 1_000;
const QUICK_RUNS = 300;
/** Memory is looked at after so many runs, for the first time after the first so many. */
const STEP = 100;
const RUNS_PER_CUT = 10;
/** More than the client keeps built, so that heads are released and built again all the time. */
const CUTS = 8;
const BROWSER_ARGS = ['--js-flags=--expose-gc', '--enable-precise-memory-info'];
const MEBIBYTE = 2 ** 20;

/** Whether memory grows while the cut changes. */
export const heap: Measurement = {
  figures: ['heapGrowthPct'],
  async measure({ options, print, ground }) {
    const { edge, model } = await ground();
    await using browser = await ClientBrowser.open([...BROWSER_ARGS, ...options.browserArgs]);
    const page = await openClientPage(await browser.visitor(), edge.url);
    await page.evaluate(installMemoryProbe);
    const opening = { model, picture: PATHS.picture };
    const { device, arms } = await page.evaluate((asked) => globalThis.clientPage.open(asked), opening);
    const [worker] = page.workers();
    if (!worker) throw new Error('the client has no worker');
    // It has loaded nothing of onnxruntime-web yet.
    await worker.evaluate(installMemoryProbe);
    const cuts = spreadCuts(arms);
    const sizes: MemorySizes[] = [];
    for (let from = 0; from < (options.isQuick ? QUICK_RUNS : RUNS); from += STEP) {
      const request = { cuts, from, runs: STEP, runsPerCut: RUNS_PER_CUT };
      await page.evaluate((asked) => globalThis.clientPage.churn(asked), request);
      sizes.push(await sizesOf(page, worker));
      print(`  after ${from + STEP} runs: ${inWords(sizes.at(-1))}`);
    }
    const growth = {
      heap: growthPct(sizes.map(({ heapBytes }) => heapBytes)),
      wasm: growthPct(sizes.map(({ wasmBytes }) => wasmBytes)),
      gpu: growthPct(sizes.map(({ gpuBytes }) => gpuBytes)),
    };
    const gpu = growth.gpu === null ? 'no GPU buffers' : `GPU buffers ${growth.gpu} %`;
    const note = `JS heap ${growth.heap} %, WASM ${growth.wasm} %, ${gpu}; cuts ${cuts.join(', ')}; ${device}`;
    print(`  ${note}`);
    const value = largest(Object.values(growth));
    return { findings: { heapGrowthPct: { value, note } }, detail: { heap: { cuts, growth, sizes } } };
  },
};

/** From none to all of the network, evenly. */
function spreadCuts(arms: readonly ArmFacts[]): number[] {
  const all = [...new Set(arms.map(({ cut }) => cut))].sort((a, b) => a - b);
  const at = (share: number) => all[Math.round(share * (all.length - 1))] ?? 0;
  return [...new Set(Array.from({ length: CUTS }, (_, index) => at(index / (CUTS - 1))))];
}

/** Of page and worker together. */
async function sizesOf(page: Page, worker: Worker): Promise<MemorySizes> {
  const read = () => globalThis.memoryProbe?.sizes();
  const [inPage, inWorker] = [await page.evaluate(read), await worker.evaluate(read)];
  if (!inPage || !inWorker) throw new Error('the probe is gone: the worker was replaced');
  return {
    heapBytes: inPage.heapBytes + inWorker.heapBytes,
    wasmBytes: inPage.wasmBytes + inWorker.wasmBytes,
    gpuBytes: inPage.gpuBytes + inWorker.gpuBytes,
  };
}

function inWords(sizes: MemorySizes | undefined): string {
  const [heapMiB, wasmMiB, gpuMiB] = [sizes?.heapBytes, sizes?.wasmBytes, sizes?.gpuBytes].map((bytes) =>
    ((bytes ?? 0) / MEBIBYTE).toFixed(2),
  );
  return `JS heap ${heapMiB}, WASM ${wasmMiB}, GPU buffers ${gpuMiB} MiB`;
}
