import { SOFTWARE_ADAPTER_ARG, WEBGPU_ARGS } from '../../browser/chromium.js';
import { ClientBrowser, openClientPage } from '../client-browser.js';
import { CHAIN, type ClientGround, PATHS } from '../ground.js';
import type { Measurement, Setting } from '../measurement.js';
import type { ArmFacts, OpenRequest } from '../page/opened.js';
import { growthPct, largest } from '../ratios.js';
import { DevtoolsHeap } from './devtools-heap.js';
import { type BufferSizes, installMemoryProbe } from './memory-probe.js';

const RUNS = 1_000;
const QUICK_RUNS = 300;
/** Memory is looked at after so many runs, for the first time after the first so many. */
const STEP = 100;
const RUNS_PER_CUT = 5;
/** More than the client keeps built, so that heads are released and built again all the time. */
const CUTS = 10;
const MEBIBYTE = 2 ** 20;

interface MemorySizes extends BufferSizes {
  /** Of the page and its workers together. */
  readonly heapBytes: number;
}

interface Scenario {
  readonly name: string;
  readonly browserArgs: readonly string[];
  readonly opening: OpenRequest;
}

/** Whether memory grows while the cut changes. */
export const heap: Measurement = {
  figures: ['heapGrowthPct'],
  async measure(setting) {
    const made = await setting.ground();
    await made.edge.untilPrepared(CHAIN, setting.print);
    const cells = [];
    for (const scenario of scenariosOf(setting, made)) cells.push(await measureScenario(setting, made, scenario));
    const value = largest(cells.flatMap(({ growth }) => Object.values(growth)));
    const note = cells.map(({ inWords }) => inWords).join('; ');
    return { findings: { heapGrowthPct: { value, note } }, detail: { heap: cells } };
  },
};

/** The network on whatever this browser has, and a small one on WebGPU in software, which every machine has. */
function scenariosOf({ options }: Setting, { model }: ClientGround): Scenario[] {
  const { browserArgs } = options;
  return [
    { name: model, browserArgs, opening: { model, picture: PATHS.picture } },
    {
      name: `${CHAIN}, WebGPU in software`,
      browserArgs: [...browserArgs, ...WEBGPU_ARGS, SOFTWARE_ADAPTER_ARG],
      opening: { model: CHAIN, device: 'webgpu', maxAccuracyDrop: 1 },
    },
  ];
}

async function measureScenario({ options, print }: Setting, { edge }: ClientGround, scenario: Scenario) {
  await using browser = await ClientBrowser.open(scenario.browserArgs);
  const page = await openClientPage(await browser.visitor(), edge.url);
  const devtools = await DevtoolsHeap.of(page, installMemoryProbe);
  const { device, arms } = await page.evaluate((asked) => globalThis.clientPage.open(asked), scenario.opening);
  const cuts = spreadCuts(arms);
  const sizes: MemorySizes[] = [];
  for (let from = 0; from < (options.isQuick ? QUICK_RUNS : RUNS); from += STEP) {
    const request = { cuts, from, runs: STEP, runsPerCut: RUNS_PER_CUT };
    await page.evaluate((asked) => globalThis.clientPage.churn(asked), request);
    const size = await sizesOf(devtools);
    sizes.push(size);
    print(`  ${scenario.name}, after ${from + STEP} runs: ${sizeInWords(size)}`);
  }
  const growth = {
    heap: growthPct(sizes.map(({ heapBytes }) => heapBytes)),
    wasm: growthPct(sizes.map(({ wasmBytes }) => wasmBytes)),
    gpu: growthPct(sizes.map(({ gpuBytes }) => gpuBytes)),
  };
  if (growth.wasm === null) throw new Error('no wasm memory was seen: nothing was counted');
  const gpu = growth.gpu === null ? 'no GPU buffers' : `GPU buffers ${growth.gpu} %`;
  const inWords = `${scenario.name}: JS heap ${growth.heap} %, WASM ${growth.wasm} %, ${gpu}`;
  print(`  ${inWords}; cuts ${cuts.join(', ')}; ${device}`);
  return { name: scenario.name, device, cuts, growth, sizes, inWords };
}

/** From none to all of the network, evenly. */
function spreadCuts(arms: readonly ArmFacts[]): number[] {
  const all = [...new Set(arms.map(({ cut }) => cut))].sort((a, b) => a - b);
  const at = (share: number) => all[Math.round(share * (all.length - 1))] ?? 0;
  return [...new Set(Array.from({ length: CUTS }, (_, index) => at(index / (CUTS - 1))))];
}

async function sizesOf(devtools: DevtoolsHeap): Promise<MemorySizes> {
  // Collects garbage as well, and with it the graphics buffers that nobody has.
  const heapBytes = await devtools.numBytes();
  if (devtools.numWorkers === 0) throw new Error('no worker is attached');
  // What the probe gives, which is in each of them.
  const buffers = (await devtools.inWorkers('bufferSizes()')) as BufferSizes[];
  const sum = (of: (sizes: BufferSizes) => number) => buffers.reduce((total, sizes) => total + of(sizes), 0);
  return { heapBytes, wasmBytes: sum((one) => one.wasmBytes), gpuBytes: sum((one) => one.gpuBytes) };
}

function sizeInWords({ heapBytes, wasmBytes, gpuBytes }: MemorySizes): string {
  const [heapMiB, wasmMiB, gpuMiB] = [heapBytes, wasmBytes, gpuBytes].map((bytes) => (bytes / MEBIBYTE).toFixed(2));
  return `JS heap ${heapMiB}, WASM ${wasmMiB}, GPU buffers ${gpuMiB} MiB`;
}
