import type { DeviceChoice } from '@cutpoint/client';
import { expect, type Page, type Request, test } from '@playwright/test';
import { preview } from 'vite';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge, freePort } from './harness/edge.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };

let ground: Ground;
let edge: Edge;

test.beforeAll(async () => {
  ground = await prepareGround();
  const { models, store, page } = ground;
  edge = await Edge.start({ models, store, args: ['--page', page] });
});
test.afterAll(async () => {
  await edge.stop();
});

/** Connects, runs one head, and says where heads run at first and what was heard of it within `waitMs` at most. */
async function visit(
  page: Page,
  waitMs: number,
): Promise<{ first: DeviceChoice; heard: DeviceChoice[]; builds: Set<string> }> {
  const builds = new Set<string>();
  const note = (request: Request) => {
    const wasm = /ort-wasm-simd-threaded(?:\.(\w+))?[^/]*\.wasm$/.exec(request.url());
    if (wasm) builds.add(wasm[1] ?? 'wasm');
  };
  page.on('request', note);
  await openPage(page, edge.url);
  const { first, heard } = await page.evaluate(
    async ({ values, dims, waitMs }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny' });
      const first = await session.ready();
      const heard: DeviceChoice[] = [];
      const told = new Promise<void>((resolve) => {
        session.on('device', (choice) => {
          heard.push(choice);
          resolve();
        });
      });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      await session.run(feeds, { cut: 1e9 });
      await Promise.race([told, new Promise((resolve) => setTimeout(resolve, waitMs))]);
      // Where heads move to they run, and the answer is the same.
      const { scores } = await session.run(feeds, { cut: 1e9 });
      const { scores: wanted } = await session.run(feeds, { cut: 0 });
      const gap = Array.from(scores?.data as Float32Array, (score, i) => Math.abs(score - Number(wanted?.data[i])));
      if (!(Math.max(...gap) < 1e-4)) throw new Error(`another answer, off by ${gap.join()}`);
      await session.close();
      return { first, heard };
    },
    { ...args, waitMs },
  );
  page.off('request', note);
  return { first, heard, builds };
}

const LONG_MS = 80_000;
/** A measurement begins 2 s after the last inference. */
const NOTHING_MS = 6000;

/** Of the one measurement that is kept. */
async function changeAdapter(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const opening = indexedDB.open('cutpoint-devices-v1');
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const store = opening.result.transaction('measured', 'readwrite').objectStore('measured');
    const cursor = store.openCursor();
    await new Promise((resolve) => {
      cursor.onsuccess = resolve;
    });
    await new Promise((resolve) => {
      const put = cursor.result?.update({ ...cursor.result.value, adapter: 'a card that was sold' });
      if (put) put.onsuccess = resolve;
    });
    opening.result.close();
  });
}

test('a graphics adapter in software loses to the CPU by measurement, and the next visit with it begins there', {
  tag: '@webgpu',
}, async ({ page }) => {
  const before = await visit(page, LONG_MS);
  expect(before.first).toMatchObject({ kind: 'webgpu' });
  expect(before.first).not.toHaveProperty('measured');
  expect(before.heard).toHaveLength(1);
  const [moved] = before.heard;
  expect(moved).toMatchObject({ kind: 'wasm', build: 'wasm', measured: { remembered: false } });
  const candidates = moved?.measured?.candidates ?? [];
  const msOf = (kind: string) => candidates.filter((one) => one.kind === kind).map(({ ms }) => ms ?? Number.NaN);
  expect(msOf('webgpu')).toHaveLength(1);
  expect(Math.min(...msOf('wasm'))).toBeLessThan(0.9 * Math.min(...msOf('webgpu')));
  expect(moved?.reason).toMatch(
    /^WASM with \d threads? [\d.]+ ms, .*WebGPU \d+(\.\d)? ms \(cut .+\), measured here\.$/,
  );
  expect(moved?.measured?.ort).toMatch(/^\d+\.\d+/);
  test.info().annotations.push({ type: 'measured', description: moved?.reason ?? '' });

  const after = await visit(page, NOTHING_MS);
  expect(after.first).toMatchObject({ kind: 'wasm', measured: { ...moved?.measured, remembered: true } });
  expect(after.first.reason).toMatch(/measured at an earlier visit/);
  expect(after.heard).toEqual([]);
  expect(before.builds, 'what was timed').toContain('jspi');
  expect([...after.builds], 'what runs heads').toEqual(['wasm']);

  await changeAdapter(page);
  const { first: elsewhere } = await visit(page, 0);
  expect(elsewhere).toMatchObject({ kind: 'webgpu' });
  expect(elsewhere).not.toHaveProperty('measured');
});

const WITHOUT_STORAGE = {
  'without IndexedDB': 'delete Object.getPrototypeOf(window).indexedDB; delete window.indexedDB;',
  'whose IndexedDB is blocked': "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };",
};

for (const [what, script] of Object.entries(WITHOUT_STORAGE)) {
  test(`a page ${what} starts all the same`, { tag: '@webgpu' }, async ({ page }) => {
    await page.addInitScript(script);
    await openPage(page, edge.url);
    const first = await page.evaluate(async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny' });
      await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) });
      const first = await session.ready();
      await session.close();
      return first;
    }, args);
    expect(first).toMatchObject({ kind: 'webgpu' });
  });
}

/** What the measurement needs of the storage it needs where that is missing, too: this shows that it ends. */
test('a page whose IndexedDB never answers starts all the same, and measures', { tag: '@webgpu' }, async ({ page }) => {
  await page.addInitScript('IDBFactory.prototype.open = () => ({});');
  const { first, heard } = await visit(page, LONG_MS);
  expect(first).toMatchObject({ kind: 'webgpu' });
  expect(heard[0]).toMatchObject({ kind: 'wasm', measured: { remembered: false } });
});

test('nothing is measured where the app chose the device', { tag: '@webgpu' }, async ({ page }) => {
  await openPage(page, edge.url);
  const heard = await page.evaluate(async ({ values, dims }) => {
    const { connect, Tensor } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'webgpu' });
    await session.ready();
    let heard = 0;
    session.on('device', () => {
      heard += 1;
    });
    await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut: 1e9 });
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await session.close();
    return heard;
  }, args);
  expect(heard).toBe(0);
});

test('a page that is not cross-origin isolated is told what it loses', async ({ page }) => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const site = await preview({
    configFile: false,
    logLevel: 'error',
    root: ground.page,
    build: { outDir: ground.page },
    preview: { port, strictPort: true, host: '127.0.0.1' },
  });
  const { models, store } = ground;
  const open = await Edge.start({ models, store, args: ['--page', ground.page, '--origin', origin] });
  try {
    await page.addInitScript("Object.defineProperty(navigator, 'hardwareConcurrency', { value: 8 });");
    const choice = () =>
      page.evaluate(async (url) => {
        const session = await globalThis.cutpoint.connect(url, { model: 'tiny', device: 'wasm' });
        const device = await session.ready();
        await session.close();
        return { device, isIsolated: crossOriginIsolated };
      }, open.url);
    await openPage(page, open.url);
    const isolated = await choice();
    expect(isolated.isIsolated).toBe(true);
    expect(isolated.device).not.toHaveProperty('notIsolated');
    await openPage(page, origin);
    const { isIsolated, device } = await choice();
    expect(isIsolated).toBe(false);
    expect(device).toMatchObject({ threads: 1, notIsolated: { threads: 4 } });
    expect(device.notIsolated?.words).toMatch(/not cross-origin isolated.*one thread here and could have 4/);
  } finally {
    await open.stop();
    await site.close();
  }
});
