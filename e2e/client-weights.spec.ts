import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { BreakingProxy } from './harness/breaking-proxy.js';
import { Edge } from './harness/edge.js';

/** How weights come, when something is in their way. */

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };
const LOCAL = 1e9;

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

/** Runs each cut in a session of its own. @returns the scores of each, and what was said of progress in words */
function runEach(page: Page, cuts: number[]) {
  return page.evaluate(
    async ({ values, dims, cuts }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const said: string[] = [];
      const scores: number[][] = [];
      for (const cut of cuts) {
        const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload', rescue: 'off' });
        session.on('progress', ({ detail }) => detail && said.push(detail));
        const outputs = await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut });
        scores.push(Array.from(outputs.scores?.data as Float32Array));
        await session.close();
      }
      return { said, scores };
    },
    { ...args, cuts },
  );
}

function expectSame(scores: number[][]): void {
  for (const one of scores) {
    one.forEach((score, i) => {
      expect(score).toBeCloseTo(scores[0]?.[i] ?? Number.NaN, 4);
    });
  }
}

test('weights that break off are resumed where they ended', async ({ page }) => {
  const afterBytes = 1000;
  await using proxy = await BreakingProxy.listen(edge.port, { path: /^\/v1\/packs\//, afterBytes, times: 1 });
  await openPage(page, proxy.url);
  const { scores } = await runEach(page, [0, LOCAL]);
  expectSame(scores);
  const packs = proxy.passed.filter(({ path }) => path.startsWith('/v1/packs/'));
  const first = packs.filter(({ path }) => path === packs[0]?.path);
  expect(first.map(({ range, status }) => [range, status])).toEqual([
    [undefined, 200],
    [`bytes=${afterBytes}-`, 206],
  ]);
});

test('a browser without room for weights says so once a session, and runs with them all the same', async ({ page }) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: edge.url, quotaSize: 1000 });
  await openPage(page, edge.url);
  const { scores, said } = await runEach(page, [0, LOCAL]);
  expectSame(scores);
  expect(said).toEqual([expect.stringMatching(/^this browser keeps no weights for the next visit: .*quota/i)]);
});

test('the first results wait for no weights, and the cut is deepened when they are here', async ({ page }) => {
  let letThrough = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  let asked = 0;
  const askedAt: number[] = [];
  page.on('request', (request) => {
    if (/\.wasm$|\/v1\/packs\//.test(request.url())) askedAt.push(Date.now());
  });
  await page.route(/\/v1\/packs\//, async (route) => {
    asked += 1;
    await held;
    await route.continue();
  });
  await openPage(page, edge.url);
  await page.evaluate(async () => {
    const { connect } = globalThis.cutpoint;
    globalThis.session = await connect('/', { model: 'tiny', device: 'wasm', rescue: 'off' });
    // So slow that anything is better than sending the input.
    globalThis.session.setShape({ uplinkBytesPerMs: 12 });
  });
  const run = () =>
    page.evaluate(async ({ values, dims }) => {
      const { session, cutpoint } = globalThis;
      const traced = new Promise<number>((resolve) => session.on('trace', ({ cut }) => resolve(cut)));
      const { scores } = await session.run({ x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) });
      const endedAt = Date.now();
      return { cut: await traced, endedAt, scores: Array.from(scores?.data as Float32Array) };
    }, args);
  const first = [await run(), await run()];
  await expect.poll(() => asked).toBeGreaterThan(0);
  expect(first.map(({ cut }) => cut)).toEqual([0, 0]);
  // Nor does the first one share the link with any, or with onnxruntime-web.
  expect(Math.min(...askedAt)).toBeGreaterThanOrEqual(first[0]?.endedAt ?? Number.NaN);
  letThrough();
  const runs = [...first];
  await expect(async () => {
    runs.push(await run());
    expect(runs.at(-1)?.cut).not.toBe(0);
  }).toPass({ timeout: 20_000 });
  expectSame(runs.map(({ scores }) => scores));
});

test('what a local finish needs comes in an idle moment, and not where the user saves data', async ({ browser }) => {
  const visit = async (policy: 'cutpoint' | 'offload', savesData: boolean) => {
    // A browser profile, and with it a cache, of its own.
    const context = await browser.newContext();
    const page = await context.newPage();
    if (savesData) {
      await page.addInitScript(() => {
        Object.defineProperty(navigator, 'connection', { value: { saveData: true, effectiveType: '4g' } });
      });
    }
    const fetched: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/v1/packs/')) fetched.push(request.url());
    });
    await openPage(page, edge.url);
    await page.evaluate(
      async ({ values, dims, policy }) => {
        const { connect, Tensor } = globalThis.cutpoint;
        globalThis.session = await connect('/', { model: 'tiny', device: 'wasm', policy });
        globalThis.session.on('progress', ({ stage, loadedBytes, totalBytes }) => {
          if (stage === 'rescue' && loadedBytes === totalBytes) document.title = `${totalBytes} bytes for rescue`;
        });
        await globalThis.session.run({ x: new Tensor('float32', Float32Array.from(values), dims) });
      },
      { ...args, policy },
    );
    return { context, page, fetched };
  };
  // Left to itself this one would prepare a head.
  const saving = await visit('cutpoint', true);
  const other = await visit('offload', false);
  try {
    // The other began later and is through: the first has had its idle moments.
    await expect(other.page).toHaveTitle(/^\d+ bytes for rescue$/);
    expect(other.fetched.length).toBeGreaterThan(0);
    expect(new Set(other.fetched).size).toBe(other.fetched.length);
    expect(saving.fetched).toEqual([]);
    // A cut that the app forces is another matter.
    const length = await saving.page.evaluate(async ({ values, dims }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      return (await session.run(feeds, { cut: 1e9 })).scores?.data.length;
    }, args);
    expect(length).toBe(5);
    expect(saving.fetched.length).toBeGreaterThan(0);
  } finally {
    await saving.context.close();
    await other.context.close();
  }
});
