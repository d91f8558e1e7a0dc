import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';
import { type OtherSite, serveOtherSite } from './harness/other-site.js';
import { DemoPage } from './page-driver.js';

/** An edge that wants a token, as pages meet it. */

const TOKEN = 'the-right-token-of-this-edge';
const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));

let ground: Ground;
let edge: Edge;
let site: OtherSite;

test.beforeAll(async () => {
  ground = await prepareGround();
  site = await serveOtherSite(ground.page);
  edge = await Edge.start({
    models: ground.models,
    store: ground.store,
    args: ['--origin', site.origin, '--token', TOKEN],
  });
});
test.afterAll(async () => {
  await edge?.stop();
  await site?.close();
});

/** What comes of an inference at the edge, in a page of an allowed site. */
async function offload(page: Page, token: string | undefined): Promise<string> {
  await openPage(page, site.origin);
  return await page.evaluate(
    async ({ url, token, values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      try {
        const session = await connect(url, { model: 'tiny', device: 'wasm', ...(token ? { token } : {}) });
        await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut: 0 });
        await session.close();
        return 'done';
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    { url: edge.url, token, values, dims: [...INPUT_DIMS] },
  );
}

test('a page of an allowed site is served with the token, over HTTP and on the WebSocket', async ({ page }) => {
  expect(await offload(page, TOKEN)).toBe('done');
});

test('it is told that it needs one, or another one', async ({ page }) => {
  expect(await offload(page, undefined)).toBe('unauthorised');
  expect(await offload(page, `${TOKEN}x`)).toBe('unauthorised');
});

test('the demo page asks for it, takes it from its address, and keeps it out of there', async ({ page }) => {
  const demo = new DemoPage(page, { networkFails: true });
  await demo.open(edge.url, '?model=tiny&device=wasm');
  await expect(demo.error).toContainText('#token=');
  await demo.open(edge.url, `?model=tiny&device=wasm#token=${TOKEN}`);
  // Where the address differs behind # only, a browser loads nothing by itself.
  await page.reload();
  await expect.poll(() => demo.runs()).toBeGreaterThan(0);
  expect(page.url()).not.toContain(TOKEN);
  await page.reload();
  await expect.poll(() => demo.runs()).toBeGreaterThan(0);
  expect(demo.complaints).toEqual([]);
});
