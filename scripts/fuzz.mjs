// `npm run fuzz`: coverage-guided fuzzing of what reads strangers' bytes. See docs/fuzzing.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { writeCorpus } from './lib/fuzz/corpus.mjs';
import { TARGETS } from './lib/fuzz/targets.mjs';
import { mustRunNode, root, tsc } from './lib/run.mjs';

/** An input that takes this long hangs. */
const HANG_MS = 20_000;
const MAX_INPUT_BYTES = 65_536;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    /** Keep the inputs that reach everything that was reached. */
    save: { type: 'boolean', default: false },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
const unknown = names.find((name) => !Object.hasOwn(TARGETS, name));
if (unknown !== undefined || !(Number(values.runs) > 0)) {
  console.error(`usage: npm run fuzz -- [${Object.keys(TARGETS).join('|')} …] [--runs N] [--seed N] [--save]`);
  process.exit(2);
}

await mustRunNode('Compiling', [tsc, '-b'], { quiet: true });
for (const name of names) if (!(await fuzz(name))) process.exit(1);

/** @param {string} name @returns {Promise<boolean>} whether all went well */
async function fuzz(name) {
  const current = new SharedArrayBuffer(4 + MAX_INPUT_BYTES);
  const beats = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('./lib/fuzz/worker.mjs', import.meta.url), {
    workerData: { name, runs: Number(values.runs), seed: Number(values.seed), current, beats },
  });
  const said = await new Promise((resolve) => {
    let lastBeat = -1;
    const watchdog = setInterval(() => {
      const beat = Atomics.load(new Int32Array(beats), 0);
      if (beat === lastBeat && beat > 0)
        resolve({ crashed: { message: `no end after ${HANG_MS} ms`, input: inputIn(current) } });
      lastBeat = beat;
    }, HANG_MS);
    const end = (message) => {
      clearInterval(watchdog);
      resolve(message);
    };
    worker.on('message', (message) => {
      if (message.progress === undefined) return end(message);
      const { runs, reached, corpus } = message.progress;
      console.log(`${name}: ${runs} inputs, ${reached} characters of source reached, ${corpus} kept`);
    });
    worker.on('error', (error) => end({ crashed: { message: String(error.stack), input: inputIn(current) } }));
    worker.on('exit', () => end({ crashed: { message: 'the thread ended', input: inputIn(current) } }));
  });
  await worker.terminate();
  if (said.crashed !== undefined) {
    const file = keepCrash(name, said.crashed.input);
    console.error(`${name}: ${said.crashed.message}\nthe input is in ${file}`);
    return false;
  }
  const { result, distilled } = said.done;
  if (values.save)
    writeCorpus(
      name,
      distilled.map((input) => Buffer.from(input)),
    );
  console.log(JSON.stringify({ target: name, ...result, distilled: distilled.length }));
  return true;
}

function inputIn(current) {
  const [length] = new Int32Array(current, 0, 1);
  return Buffer.from(new Uint8Array(current, 4, Math.min(length, MAX_INPUT_BYTES)).slice());
}

function keepCrash(name, input) {
  const folder = join(root, 'test-results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `fuzz-${name}-${Date.now()}.bin`);
  writeFileSync(file, input);
  return file;
}
