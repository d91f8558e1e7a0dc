import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';
import { type OtherSite, serveOtherSite } from './harness/other-site.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };

declare global {
  var gpuDevices: GPUDevice[];
}

let ground: Ground;
let edge: Edge;
/** The same page, where no worker may start. */
let strictSite: OtherSite;

test.beforeAll(async () => {
  ground = await prepareGround();
  const { models, store, page } = ground;
  strictSite = await serveOtherSite(page, { 'Content-Security-Policy': "worker-src 'none'" });
  edge = await Edge.start({ models, store, args: ['--page', page, '--origin', strictSite.origin] });
});
test.afterAll(async () => {
  await edge.stop();
  await strictSite.close();
});

/** What `work` rejects with, in the page. */
async function failureOf(page: Page, work: string): Promise<{ code: string; message: string }> {
  return page.evaluate(
    async ({ work, values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const x = (shape: number[]) => new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const works: Record<string, () => Promise<unknown>> = {
        'unknown model': () => connect('/', { model: 'nonesuch' }),
        'no edge': () => connect('http://127.0.0.1:9/', { model: 'tiny' }),
        'aborted before': () => connect('/', { model: 'tiny', signal: AbortSignal.abort() }),
        'aborted while connecting': () => {
          const abort = new AbortController();
          setTimeout(() => abort.abort(), 1);
          return connect('/', { model: 'tiny', signal: abort.signal });
        },
        'a wrong name': async () => (await session()).run({ y: feeds.x }),
        'a wrong shape': async () => (await session()).run({ x: x([1, 3, 7, 7]) }),
        'an empty picture': async () => (await session()).runImage(new Blob([])),
        'not a picture': async () => (await session()).runImage(new Blob(['hello'], { type: 'image/png' })),
        'no picture model': async () => (await connect('/', { model: 'tiny-fp16' })).runImage(new ImageData(4, 4)),
        'aborted run': async () => {
          const open = await session();
          // So slow that the upload alone takes seconds.
          open.setShape({ uplinkBytesPerMs: 2 });
          const abort = new AbortController();
          setTimeout(() => abort.abort(), 100);
          return open.run(feeds, { signal: abort.signal, cut: 0 });
        },
        'a deadline': async () => {
          const open = await session();
          open.setShape({ uplinkBytesPerMs: 2 });
          return open.run(feeds, { deadlineMs: 200, cut: 0 });
        },
        'closed under way': async () => {
          const open = await session();
          open.setShape({ uplinkBytesPerMs: 2 });
          setTimeout(() => open.close(), 100);
          return open.run(feeds, { cut: 0 });
        },
        'closed before': async () => {
          const open = await session();
          await open.close();
          return open.run(feeds);
        },
      };
      async function session() {
        return connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
      }
      try {
        await works[work]?.();
      } catch (error) {
        if (!(error instanceof globalThis.cutpoint.CutpointError)) throw error;
        return { code: error.code, message: error.message };
      }
      return { code: 'none', message: `${work} did not fail` };
    },
    { work, ...args },
  );
}

test.describe('what cannot be, in one page', () => {
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    await openPage(page, edge.url);
  });
  test.afterAll(() => page.close());

  for (const [work, code, message] of [
    ['unknown model', 'unknown_model', /no model "nonesuch".*"tiny", "tiny-fp16"/],
    ['no edge', 'edge_unreachable', /127\.0\.0\.1:9/],
    ['aborted before', 'aborted', /aborted/],
    ['aborted while connecting', 'aborted', /aborted/],
    ['a wrong name', 'bad_feeds', /"x" is missing, "y" is no input/],
    ['a wrong shape', 'shape_not_served', /\[1, 3, 7, 7\] is not served; these are: "x" float32 \[1, 3, 24, 24\]/],
    ['an empty picture', 'bad_image', /0 bytes/],
    ['not a picture', 'bad_image', /image\/png/],
    ['no picture model', 'no_image_input', /takes no pictures/],
    ['aborted run', 'aborted', /aborted/],
    ['a deadline', 'deadline_exceeded', /within 200 ms/],
    ['closed under way', 'closed', /closed/],
    ['closed before', 'closed', /closed/],
  ] as const) {
    test(`${work}: ${code}`, async () => {
      const failure = await failureOf(page, work);
      expect(failure).toMatchObject({ code });
      expect(failure.message).toMatch(message);
    });
  }
});

test('a deadline counts from the call, with all that is fetched before the first try', async ({ page }) => {
  await page.route(/\/v1\/tables\//, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // The page may be gone by then.
    await route.continue().catch(() => {});
  });
  await openPage(page, edge.url);
  const { failures, tookMs } = await page.evaluate(async ({ values, dims }) => {
    const { connect, CutpointError, Tensor } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
    // What the edge runs whole needs no table.
    await session.ready();
    const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
    const startMs = performance.now();
    const failures = [];
    for (const run of [
      () => session.run(feeds, { deadlineMs: 300 }),
      () => session.runImage(new ImageData(60, 30), { deadlineMs: 300 }),
    ]) {
      const error = await run().catch((error: unknown) => error);
      failures.push(error instanceof CutpointError ? [error.code, error.message] : String(error));
    }
    const tookMs = performance.now() - startMs;
    // What was under way then goes on, and serves the next one.
    await session.run(feeds, { deadlineMs: 30_000 });
    return { failures, tookMs };
  }, args);
  expect(failures).toEqual(Array(2).fill(['deadline_exceeded', 'No result within 300 ms.']));
  expect(tookMs).toBeLessThan(2000);
});

test('without the script that decides, the edge runs what it can run whole, and the rest says what is missing', async ({
  page,
}) => {
  await page.route(/\/rest[^/]*\.js$/, (route) => route.abort('connectionreset'));
  await openPage(page, edge.url);
  const { lengths, plans, error } = await page.evaluate(async ({ values, dims }) => {
    const { connect, CutpointError, Tensor } = globalThis.cutpoint;
    globalThis.session = await connect('/', { model: 'tiny', device: 'wasm' });
    const { session } = globalThis;
    const plans: boolean[] = [];
    session.on('trace', ({ plan }) => plans.push(plan !== undefined));
    const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
    const lengths = [];
    for (let run = 0; run < 3; run++) lengths.push((await session.run(feeds)).scores?.data.length);
    const error = await session.run(feeds, { cut: 3 }).catch((error: unknown) => error);
    return { lengths, plans, error: error instanceof CutpointError ? [error.code, error.message] : [String(error)] };
  }, args);
  expect(lengths).toEqual([5, 5, 5]);
  expect(plans).toEqual([false, false, false]);
  expect(error).toEqual([
    'runtime_unavailable',
    expect.stringMatching(/A script of @cutpoint\/client could not be loaded/),
  ]);
  await page.unrouteAll();
  const length = await page.evaluate(async ({ values, dims }) => {
    const { cutpoint, session } = globalThis;
    const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
    return (await session.run(feeds, { cut: 3 })).scores?.data.length;
  }, args);
  expect(length).toBe(5);
});

test('a page in which no worker may start has all done by the edge, and is told what it does without', async ({
  page,
}) => {
  await openPage(page, strictSite.origin);
  const told = await page.evaluate(
    async ({ url, values, dims }) => {
      const { connect, CutpointError, Tensor } = globalThis.cutpoint;
      const warnings: string[][] = [];
      const onWarning = ({ code, message }: InstanceType<typeof CutpointError>) => warnings.push([code, message]);
      const session = await connect(url, { model: 'tiny', onWarning });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const cuts: number[] = [];
      session.on('trace', ({ cut }) => cuts.push(cut));
      await session.run(feeds);
      await session.runImage(new ImageData(60, 30));
      await session.run(feeds);
      const error = await session.run(feeds, { cut: 4 }).catch((error: unknown) => error);
      return { warnings, cuts, forced: error instanceof CutpointError ? error.code : String(error) };
    },
    { url: edge.url, ...args },
  );
  expect(told.cuts).toEqual([0, 0, 0]);
  expect(told.forced).toBe('runtime_failed');
  expect(told.warnings).toEqual([
    ['runtime_failed', expect.stringMatching(/Nothing runs heads in this page.*worker script could not be loaded/)],
  ]);
});

test('a worker whose script arrives late runs heads from then on', async ({ page }) => {
  let refused = 0;
  await page.route(/runtime-worker/, (route) => {
    refused += 1;
    return refused <= 1 ? route.abort('connectionreset') : route.continue();
  });
  await openPage(page, edge.url);
  const done = await page.evaluate(async ({ values, dims }) => {
    const { connect, Tensor } = globalThis.cutpoint;
    const codes: string[] = [];
    const session = await connect('/', { model: 'tiny', device: 'wasm', onWarning: ({ code }) => codes.push(code) });
    const chosen = new Promise<string>((resolve) => session.on('device', ({ kind }) => resolve(kind)));
    const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
    await session.run(feeds);
    const device = await chosen;
    const { scores } = await session.run(feeds, { cut: 4 });
    return [codes, device, scores?.data.length];
  }, args);
  expect(done).toEqual([['runtime_failed'], 'wasm', 5]);
});

test('onnxruntime-web that did not arrive is fetched again, and the forced cut waits for it', async ({ page }) => {
  let refused = 0;
  await page.route(/\.wasm$/, (route) => {
    refused += 1;
    return refused <= 2 ? route.abort('connectionreset') : route.continue();
  });
  await openPage(page, edge.url);
  const length = await page.evaluate(async ({ values, dims }) => {
    const { connect, Tensor } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm' });
    const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
    const { scores } = await session.run(feeds, { cut: 3 });
    return scores?.data.length;
  }, args);
  expect(length).toBe(5);
  expect(refused).toBeGreaterThan(2);
});

async function crashGpuProcess(page: Page): Promise<void> {
  const devtools = await page.context().browser()?.newBrowserCDPSession();
  await devtools?.send('Browser.crashGpuProcess');
}

/** As a tool, or another script of the worker, may do. */
async function destroyGpuDevices(page: Page): Promise<void> {
  const workers = page.workers().filter((worker) => worker.url().includes('runtime-worker'));
  const destroyed = await Promise.all(
    workers.map((worker) =>
      worker.evaluate(() => {
        for (const device of globalThis.gpuDevices) device.destroy();
        return globalThis.gpuDevices.length;
      }),
    ),
  );
  expect(Math.max(...destroyed)).toBeGreaterThan(0);
}

/** In each worker that runs heads. */
async function keepGpuDevices(page: Page): Promise<void> {
  const keep = () => {
    globalThis.gpuDevices = [];
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      globalThis.gpuDevices.push(device);
      return device;
    };
  };
  await page.route(/runtime-worker.*\.js/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${keep.toString()})();${await response.text()}` });
  });
}

for (const [how, lose] of [
  ['lost with its process', crashGpuProcess],
  ['destroyed', destroyGpuDevices],
] as const) {
  test(`a graphics device that is ${how} comes back, and no inference under way is lost with it`, {
    tag: '@webgpu',
  }, async ({ page }) => {
    await keepGpuDevices(page);
    await openPage(page, edge.url);
    /** Several at once: one at its head, the others before or behind it. */
    const run = () =>
      page.evaluate(async ({ values, dims }) => {
        const { session, cutpoint } = globalThis;
        const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
        const cuts: number[] = [];
        const off = session.on('trace', ({ cut }) => cuts.push(cut));
        const results = await Promise.all([4, 4, 4, 0].map((cut) => session.run(feeds, { cut })));
        off();
        const scores = results.flatMap(({ scores }) => Array.from(scores?.data as Float32Array));
        return { cuts: cuts.sort((a, b) => a - b), scores };
      }, args);
    await page.evaluate(async () => {
      globalThis.session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'webgpu' });
      globalThis.session.on('device', () => {
        document.title = 'new device';
      });
    });
    const before = await run();
    const during = run();
    await lose(page);
    const meanwhile = await during;
    await expect(page).toHaveTitle('new device');
    for (const { cuts, scores } of [meanwhile, await run()]) {
      expect(cuts).toEqual(before.cuts);
      scores.forEach((score, i) => {
        expect(score).toBeCloseTo(before.scores[i] ?? Number.NaN, 4);
      });
    }
  });
}

test('forty inferences at once, at many cuts, every fourth aborted: each settles as it should', async ({ page }) => {
  await openPage(page, edge.url);
  const settled = await page.evaluate(async ({ values, dims }) => {
    const { connect, Tensor } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm' });
    const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
    const { scores: reference } = await session.run(feeds, { cut: 0 });
    const wanted = Array.from(reference?.data as Float32Array);
    const jobs = Array.from({ length: 40 }, async (_, i) => {
      const abort = new AbortController();
      if (i % 4 === 3) setTimeout(() => abort.abort(), i * 5);
      try {
        const { scores } = await session.run(feeds, { cut: [0, 2, 4, 7, 1e9][i % 5] ?? 0, signal: abort.signal });
        const got = Array.from(scores?.data as Float32Array);
        return Math.max(...got.map((value, at) => Math.abs(value - (wanted[at] ?? Number.NaN)))) < 1e-5
          ? 'right'
          : 'wrong';
      } catch (error) {
        return error instanceof globalThis.cutpoint.CutpointError ? error.code : String(error);
      }
    });
    const settled = await Promise.all(jobs);
    await session.close();
    return settled;
  }, args);
  settled.forEach((outcome, i) => {
    // A late abort may come after the answer.
    if (i % 4 === 3) expect(['aborted', 'right']).toContain(outcome);
    else expect(outcome, `inference ${i}`).toBe('right');
  });
  expect(settled).toContain('aborted');
});
