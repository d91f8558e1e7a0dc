import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import systeminformation from 'systeminformation';

/** Reads the GPUs once a second, and ends at once where none can be read. */

const READ_EVERY_MS = 1_000;

/** Percent per GPU, through `nvidia-smi`. */
async function readNvidia(): Promise<number[]> {
  const { controllers } = await systeminformation.graphics();
  return controllers.flatMap(({ utilizationGpu }) => (utilizationGpu === undefined ? [] : [utilizationGpu]));
}

/** Percent per GPU, as the amdgpu driver publishes it. */
async function readAmd(): Promise<number[]> {
  const root = '/sys/class/drm';
  const cards = (await readdir(root).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const texts = await Promise.all(
    cards.map((card) => readFile(`${root}/${card}/device/gpu_busy_percent`, 'utf8').catch(() => '')),
  );
  return texts.filter((text) => text.trim() !== '').map(Number);
}

const candidates = [readAmd, readNvidia];
for (const read of candidates) {
  for (let percents = await read(); percents.length > 0; percents = await read()) {
    parentPort?.postMessage(Math.min(100, Math.max(0, ...percents)) / 100);
    await sleep(READ_EVERY_MS);
  }
}
