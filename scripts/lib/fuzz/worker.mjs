import { parentPort, workerData } from 'node:worker_threads';
import { collectGarbage } from './collect-garbage.mjs';
import { readCorpus } from './corpus.mjs';
import { Coverage } from './coverage.mjs';
import { Fuzzer } from './fuzzer.mjs';
import { isGuiding } from './modules.mjs';
import { TARGETS } from './targets.mjs';

/** Fuzzes one target on a thread, and leaves each input where the main thread finds it should this one hang. */

/** @type {{ name: string, runs: number, seed: number, current: SharedArrayBuffer, beats: SharedArrayBuffer }} */
const { name, runs, seed, current, beats } = workerData;
const REPORT_EVERY = 100_000;

const beat = new Int32Array(beats);
const lengthOfCurrent = new Int32Array(current, 0, 1);
const bytesOfCurrent = new Uint8Array(current, 4);
const leave = (input) => {
  bytesOfCurrent.set(input.subarray(0, bytesOfCurrent.byteLength));
  lengthOfCurrent[0] = input.byteLength;
  Atomics.add(beat, 0, 1);
};

const coverage = new Coverage(isGuiding);
const target = await TARGETS[name]();
const fuzzer = new Fuzzer(target, coverage, { seed, onInput: leave });

/** Memory of this thread's own heap, after what is garbage has gone. */
function heapMB() {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

try {
  await fuzzer.load([...target.seeds, ...readCorpus(name).values()]);
  const startedAt = performance.now();
  // What is compiled, optimised and kept as corpus in the first tenth is no growth.
  while (fuzzer.runs < runs / 10) await fuzzer.step();
  const heapBefore = heapMB();
  let reportAt = REPORT_EVERY;
  while (fuzzer.runs < runs) {
    await fuzzer.step();
    if (fuzzer.runs < reportAt) continue;
    reportAt += REPORT_EVERY;
    parentPort?.postMessage({ progress: { runs: fuzzer.runs, reached: fuzzer.reached, corpus: fuzzer.corpus.length } });
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const result = {
    runs: fuzzer.runs,
    seconds,
    reached: fuzzer.reached,
    corpus: fuzzer.corpus.length,
    heapGrowthMB: heapMB() - heapBefore,
  };
  parentPort?.postMessage({ done: { result, distilled: await fuzzer.distilled() } });
} catch (error) {
  const input = Buffer.from(bytesOfCurrent.slice(0, lengthOfCurrent[0]));
  parentPort?.postMessage({ crashed: { message: error?.stack ?? String(error), input } });
}
