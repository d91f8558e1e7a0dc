import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, type Page, test, type Worker } from '@playwright/test';
import { INPUT_DIMS, roundingModel } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

/** Heads on WebGPU whose crossing tensors are encoded where they are. */

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
/** Of the output's range. */
const TOLERANCE = { f32: 1e-4, f16: 5e-3, u8: 0.05 } as const;
/** Bytes of a number ÷ 4. */
const SHARE = { f32: 1, f16: 0.5, u8: 0.25 } as const;
/** `MAX_HEADS` of the client. */
const KEPT_HEADS = 6;
type Plain = keyof typeof TOLERANCE;

let ground: Ground;
let edge: Edge;

test.beforeAll(async () => {
  ground = await prepareGround();
  const { models, store, page } = ground;
  await mkdir(join(models, 'rounding', '1'), { recursive: true });
  await writeFile(join(models, 'rounding', '1', 'model.onnx'), roundingModel());
  const config = { description: 'A network for one test', source: { file: '1/model.onnx' } };
  await writeFile(join(models, 'rounding', 'config.json'), JSON.stringify(config));
  edge = await Edge.start({ models, store, args: ['--page', page] });
});
test.afterAll(async () => {
  await edge.stop();
});

/** What the worker did with the GPU's memory: our buffers by their label, onnxruntime's under `storage`. */
interface GpuCounts {
  readonly created: Record<string, number>;
  readonly destroyed: Record<string, number>;
  readonly mapped: Record<string, number>;
}

declare global {
  var gpuCounts: GpuCounts;
}

/** Counts from before the first head is built; for whichever worker it is built in. */
function countGpuMemory(): void {
  const counts = { created: {}, destroyed: {}, mapped: {} } as GpuCounts;
  const count = (of: Record<string, number>, buffer: GPUBuffer) => {
    const isMappable = (buffer.usage & (GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE)) !== 0;
    const name = buffer.label.startsWith('cutpoint-') ? buffer.label : isMappable ? 'staging' : 'storage';
    of[name] = (of[name] ?? 0) + 1;
  };
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    count(counts.created, buffer);
    return buffer;
  };
  const { destroy, mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    count(counts.destroyed, this);
    return destroy.call(this);
  };
  GPUBuffer.prototype.mapAsync = function (...given) {
    count(counts.mapped, this);
    return mapAsync.apply(this, given);
  };
  globalThis.gpuCounts = counts;
}

/** @param prelude what else each worker runs before its own script */
async function connectCounting(page: Page, { model = 'tiny', prelude = '' } = {}): Promise<void> {
  await page.route(/runtime-worker.*\.js/, async (route) => {
    const response = await route.fetch();
    const body = `(${countGpuMemory.toString()})();${prelude};${await response.text()}`;
    await route.fulfill({ response, body });
  });
  await openPage(page, edge.url);
  await page.evaluate(async (model) => {
    const { connect } = globalThis.cutpoint;
    globalThis.session = await connect('/', { model, device: 'webgpu', maxAccuracyDrop: 1, policy: 'offload' });
  }, model);
}

function runtimeWorkers(page: Page): Worker[] {
  return page.workers().filter((worker) => worker.url().includes('runtime-worker'));
}

/** Of all workers that run heads: a worker that is gone took its device with it. */
async function countsOf(page: Page): Promise<GpuCounts> {
  const all = await Promise.all(
    runtimeWorkers(page).map((worker) => worker.evaluate(() => structuredClone(globalThis.gpuCounts))),
  );
  const sum = (kind: keyof GpuCounts): Record<string, number> => {
    const of: Record<string, number> = {};
    for (const counts of all) {
      for (const [name, count] of Object.entries(counts[kind])) of[name] = (of[name] ?? 0) + count;
    }
    return of;
  };
  return { created: sum('created'), destroyed: sum('destroyed'), mapped: sum('mapped') };
}

function readBacks({ mapped }: GpuCounts): number {
  return mapped['cutpoint-readable'] ?? 0;
}

/** Those with a head and a tail. */
async function cutsOf(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const arms = (globalThis.session.explain()?.candidates ?? []).map(({ arm }) => arm);
    return [...new Set(arms.filter(({ usesEdge }) => usesEdge).map(({ cut }) => cut))].filter((cut) => cut > 0);
  });
}

async function runArm(page: Page, cut: number, codec: Plain | 'u8+deflate') {
  return page.evaluate(
    async ({ values, dims, cut, codec }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      const traced = new Promise<import('@cutpoint/client').Trace>((resolve) => {
        const unsubscribe = session.on('trace', (trace) => {
          unsubscribe();
          resolve(trace);
        });
      });
      const results = await session.run(feeds, { cut, codec });
      const { cut: ran, codec: travelled, bytesUp, headMs, encodeMs, totalMs } = await traced;
      const numbers = ['pooled', 'scores'].flatMap((name) => Array.from((results[name]?.data ?? []) as Float32Array));
      return { ran, travelled, bytesUp, headMs, encodeMs, totalMs, numbers };
    },
    { values, dims: [...INPUT_DIMS], cut, codec },
  );
}

test('every cut on WebGPU gives the same outputs with every codec, reads back once what it sends, and keeps no memory', {
  tag: '@webgpu',
}, async ({ page }) => {
  test.slow();
  await connectCounting(page);
  const first = await runArm(page, 0, 'f32');
  const cuts = await cutsOf(page);
  expect(await page.evaluate(async () => (await globalThis.session.ready()).kind)).toBe('webgpu');
  expect(cuts.length).toBeGreaterThanOrEqual(6);
  const range = Math.max(...first.numbers) - Math.min(...first.numbers);
  let onGpu = 0;
  for (const cut of cuts) {
    // Builds the head.
    const plain = await runArm(page, cut, 'f32');
    for (const codec of ['f32', 'f16', 'u8', 'u8+deflate'] as const) {
      const before = await countsOf(page);
      const run = await runArm(page, cut, codec);
      const after = await countsOf(page);
      const what = `${codec} at cut ${cut}`;
      expect([run.ran, run.travelled], what).toEqual([cut, codec]);
      const numbers = codec === 'u8+deflate' ? 'u8' : codec;
      const worst = Math.max(...first.numbers.map((value, i) => Math.abs(value - (run.numbers[i] ?? Number.NaN))));
      expect(worst / range, what).toBeLessThanOrEqual(TOLERANCE[numbers]);
      if (codec !== 'u8+deflate') expect(run.bytesUp, what).toBe(plain.bytesUp * SHARE[codec]);
      else expect(run.bytesUp, what).toBeLessThanOrEqual(plain.bytesUp * SHARE.u8);
      expect(Math.min(run.headMs, run.encodeMs), what).toBeGreaterThan(0);
      expect(run.headMs + run.encodeMs, what).toBeLessThanOrEqual(run.totalMs);
      expect(readBacks(after) - readBacks(before), what).toBeLessThanOrEqual(1);
      onGpu += readBacks(after) - readBacks(before);
    }
  }
  // All but a cut whose only crossing tensor is an output as well, which the page needs as it is.
  expect(onGpu).toBeGreaterThanOrEqual((cuts.length - 1) * 4);

  // More heads than are kept: each that went took its two buffers with it.
  const { created, destroyed } = await countsOf(page);
  const live = (label: string) => (created[label] ?? 0) - (destroyed[label] ?? 0);
  expect(cuts.length).toBeGreaterThan(KEPT_HEADS);
  expect(created['cutpoint-readable']).toBeGreaterThan(KEPT_HEADS);
  expect(live('cutpoint-readable')).toBeLessThanOrEqual(KEPT_HEADS);
  expect(live('cutpoint-encoded')).toBeLessThanOrEqual(KEPT_HEADS);

  // And nothing by which it would grow: an output that was not given back would have the next run take new memory.
  const last = cuts.at(-1) ?? 0;
  const codecs = ['u8', 'f16', 'f32'] as const;
  for (const codec of codecs) await runArm(page, last, codec);
  const before = await countsOf(page);
  for (let run = 0; run < 120; run++) await runArm(page, last, codecs[run % 3] ?? 'u8');
  const after = await countsOf(page);
  expect(readBacks(after) - readBacks(before)).toBe(120);
  expect(after.created.storage).toBe(before.created.storage);
  for (const label of ['cutpoint-encoded', 'cutpoint-readable']) {
    expect(after.created[label], label).toBe(before.created[label]);
  }

  // Nor is anything else where nothing crosses.
  const whole = await runArm(page, 1e9, 'f32');
  const worst = Math.max(...first.numbers.map((value, i) => Math.abs(value - (whole.numbers[i] ?? Number.NaN))));
  expect(whole.bytesUp).toBe(0);
  expect(worst / range).toBeLessThanOrEqual(TOLERANCE.f32);
});

test('what the CPU provider made within a WebGPU head travels like everything else', { tag: '@webgpu' }, async ({
  page,
}) => {
  await connectCounting(page, { model: 'rounding' });
  const { numbers } = await runArm(page, 0, 'f32');
  const range = Math.max(...numbers) - Math.min(...numbers);
  const cuts = await cutsOf(page);
  expect(cuts.length).toBeGreaterThanOrEqual(3);
  for (const cut of cuts) {
    const plain = await runArm(page, cut, 'f32');
    const worst = Math.max(...numbers.map((value, i) => Math.abs(value - (plain.numbers[i] ?? Number.NaN))));
    expect(worst / range, `cut ${cut}`).toBeLessThanOrEqual(TOLERANCE.f32);
    for (const codec of ['f16', 'u8'] as const) {
      const before = await countsOf(page);
      const run = await runArm(page, cut, codec);
      expect([run.ran, run.travelled, run.bytesUp]).toEqual([cut, codec, plain.bytesUp * SHARE[codec]]);
      expect(readBacks(await countsOf(page)) - readBacks(before)).toBe(1);
      // What is lost before the rounding may be whole steps after it.
      expect(run.numbers.every(Number.isFinite)).toBe(true);
    }
  }
});

function refuseOurShaders(): void {
  const { createComputePipelineAsync } = GPUDevice.prototype;
  GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
    if (descriptor.label?.startsWith('cutpoint-')) return Promise.reject(new Error('no such shader'));
    return createComputePipelineAsync.call(this, descriptor);
  };
}

test('where the device cannot do the codecs the CPU does them, and no inference notices', { tag: '@webgpu' }, async ({
  page,
}) => {
  await connectCounting(page, { prelude: `(${refuseOurShaders.toString()})()` });
  const first = await runArm(page, 0, 'f32');
  const range = Math.max(...first.numbers) - Math.min(...first.numbers);
  const plain = await runArm(page, 4, 'f32');
  for (const codec of ['u8', 'f16'] as const) {
    const run = await runArm(page, 4, codec);
    expect([run.ran, run.travelled, run.bytesUp]).toEqual([4, codec, plain.bytesUp * SHARE[codec]]);
    const worst = Math.max(...first.numbers.map((value, i) => Math.abs(value - (run.numbers[i] ?? Number.NaN))));
    expect(worst / range, codec).toBeLessThanOrEqual(TOLERANCE[codec]);
  }
  expect(await page.evaluate(async () => (await globalThis.session.ready()).kind)).toBe('webgpu');
  expect(readBacks(await countsOf(page))).toBe(0);
});

test('the build of browsers without JSPI does the same', { tag: '@webgpu' }, async ({ page }) => {
  await connectCounting(page, { prelude: 'delete WebAssembly.Suspending' });
  expect(await page.evaluate(async () => (await globalThis.session.ready()).build)).toBe('asyncify');
  const first = await runArm(page, 0, 'f32');
  const range = Math.max(...first.numbers) - Math.min(...first.numbers);
  await runArm(page, 4, 'f32');
  for (const codec of ['f32', 'f16', 'u8'] as const) {
    const before = await countsOf(page);
    const run = await runArm(page, 4, codec);
    expect([run.ran, run.travelled]).toEqual([4, codec]);
    const worst = Math.max(...first.numbers.map((value, i) => Math.abs(value - (run.numbers[i] ?? Number.NaN))));
    expect(worst / range, codec).toBeLessThanOrEqual(TOLERANCE[codec]);
    expect(readBacks(await countsOf(page)) - readBacks(before)).toBe(1);
  }
});
