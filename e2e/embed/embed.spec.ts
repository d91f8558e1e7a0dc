import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, type Page, type Route, test } from '@playwright/test';
import { INPUT_DIMS } from '../client-model.js';
import { type Ground, inputValues, prepareGround } from '../client-page.js';
import { Edge } from '../harness/edge.js';
import { bare, fromElsewhere, type Site, viteBuilt, viteDev, webpackBuilt } from './sites.js';
import { pack } from './stranger.js';

/** The packed tarball in apps of somebody else, who has neither this repository nor any setting for the package. */

declare global {
  var embedded: Pick<typeof import('@cutpoint/client'), 'connect'> & {
    readonly Tensor: typeof import('onnxruntime-common').Tensor;
  };
}

const SITES: Readonly<Record<string, (tarball: string) => Promise<Site>>> = {
  'a Vite app, built': viteBuilt,
  'a Vite app in development': viteDev,
  'a webpack app, built': webpackBuilt,
  'a page that nothing built': bare,
  'a page that has all of it from another site': fromElsewhere,
};
const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));

let tarball: string;
let ground: Ground;
test.beforeAll(async () => {
  tarball = await pack();
  ground = await prepareGround();
});

test.afterAll(async () => {
  await rm(dirname(tarball), { recursive: true, force: true });
});

for (const [name, open] of Object.entries(SITES)) {
  test(`${name} offloads without onnxruntime-web, and runs heads on every build of it, with threads`, {
    tag: '@webgpu',
  }, async ({ page }) => {
    // Three builds of onnxruntime-web, and a bundler before them.
    test.slow();
    await using site = await open(tarball);
    await using edge = await edgeFor(site);
    const complaints = listen(page);
    const fetched: string[] = [];
    page.on('request', (request) => fetched.push(request.url()));
    const worker = await prefixedWorker(page);
    await page.goto(site.origin);
    await page.waitForFunction(() => 'embedded' in globalThis);

    const offloaded = await run(page, { url: edge.url, policy: 'offload', cuts: [undefined] });
    expect(offloaded.ran).toEqual([0]);
    expect(fetched.length).toBeGreaterThan(0);
    expect(fetched.filter((url) => /\.wasm$|\bort\b/.test(url))).toEqual([]);

    const release = await holdOrt(page);
    const waitedForNothing = await run(page, { url: edge.url, cuts: [undefined] });
    expect(waitedForNothing.ran).toEqual([0]);
    await release();

    const [reference = []] = offloaded.scores;
    expect(reference.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4);
    for (const { build, device, without = '' } of BUILDS) {
      worker.prefix = `${MANY_CORES}${without}`;
      const { kind, threads, ran, scores, ...used } = await run(page, { url: edge.url, device, cuts: [FIRST_CUT] });
      expect({ kind, build: used.build }).toEqual({ kind: device, build });
      expect(threads).toBeGreaterThan(1);
      expect(ran).toEqual([FIRST_CUT]);
      for (const score of scores) {
        expect(score).toHaveLength(reference.length);
        for (const [i, value] of score.entries()) expect(value).toBeCloseTo(reference[i] ?? Number.NaN, 4);
      }
    }
    expect(fetched.filter((url) => url.endsWith('.wasm'))).not.toEqual([]);
    expect(complaints).toEqual([]);
  });
}

function edgeFor(site: Site): Promise<Edge> {
  return Edge.start({
    models: ground.models,
    store: ground.store,
    args: ['--origin', site.origin],
  });
}

/** What the page says that nobody wants to hear. */
function listen(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Vite's development server wants its hot-reload socket in onnxruntime-web's threads too, which never listen.
    if (message.type() === 'error' && !message.text().startsWith('[vite]')) complaints.push(message.text());
  });
  return complaints;
}

/** Every build of onnxruntime-web, and what a browser that needs it lacks. */
const BUILDS: readonly { build: string; device: 'wasm' | 'webgpu'; without?: string }[] = [
  { build: 'wasm', device: 'wasm' },
  { build: 'jspi', device: 'webgpu' },
  { build: 'asyncify', device: 'webgpu', without: 'delete WebAssembly.Suspending;' },
];
/** However few there are: enough for onnxruntime-web to start threads. */
const MANY_CORES = "Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 });";

/** Its head is the smallest: where files are found is the question here, and a graphics adapter in software compiles for long. */
const FIRST_CUT = 1;

/** Puts a script before that of every worker that starts from now on. */
async function prefixedWorker(page: Page): Promise<{ prefix: string }> {
  const worker = { prefix: '' };
  await page.route(/\bruntime\b.*\.js/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${worker.prefix}${await response.text()}` });
  });
  return worker;
}

/** Its files never arrive, until they are let go. */
async function holdOrt(page: Page): Promise<() => Promise<void>> {
  const held: Route[] = [];
  // webpack numbers its chunks.
  const files = /\bort\b[^/]*\.mjs|\.wasm(\?|$)|\/\d+\.js$/;
  const hold = (route: Route) => {
    held.push(route);
  };
  await page.route(files, hold);
  return async () => {
    await page.unroute(files, hold);
    // Who asked for them is gone with its session.
    for (const route of held) await route.abort().catch(() => {});
  };
}

interface Order {
  readonly url: string;
  readonly cuts: readonly (number | undefined)[];
  readonly policy?: 'offload';
  readonly device?: 'webgpu' | 'wasm';
}

/** One inference by each cut, in a session of its own. */
function run(page: Page, order: Order) {
  return page.evaluate(
    async ({ url, cuts, values, dims, ...options }) => {
      const { connect, Tensor } = globalThis.embedded;
      const session = await connect(url, { model: 'tiny', ...options });
      const ran: number[] = [];
      session.on('trace', ({ cut }) => ran.push(cut));
      const scores: number[][] = [];
      for (const cut of cuts) {
        const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
        const results = await session.run(feeds, cut === undefined ? {} : { cut });
        scores.push(Array.from(results.scores?.data as Float32Array));
      }
      const { kind, build, threads } = await session.ready();
      await session.close();
      return { kind, build, threads, ran, scores };
    },
    { ...order, values, dims: [...INPUT_DIMS] },
  );
}
