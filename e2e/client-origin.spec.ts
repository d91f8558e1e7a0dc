import { expect, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';
import { type OtherSite, serveOtherSite } from './harness/other-site.js';

/** A page of one site that uses an edge of another, as in the README's first example. */

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));

let ground: Ground;
let edge: Edge;
let site: OtherSite;

test.beforeAll(async () => {
  ground = await prepareGround();
  // Cross-origin isolated, as a page must be that runs onnxruntime-web on threads: it may load only what allows that.
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  site = await serveOtherSite(ground.page, headers);
  edge = await Edge.start({ models: ground.models, store: ground.store, args: ['--origin', site.origin] });
});
test.afterAll(async () => {
  await edge?.stop();
  await site?.close();
});

for (const token of [undefined, 'a-token']) {
  test(`a page of an allowed site runs head and tail ${token ? 'with a token' : 'without one'}`, async ({ page }) => {
    await openPage(page, site.origin);
    const done = await page.evaluate(
      async ({ url, values, dims, token }) => {
        const { connect, Tensor } = globalThis.cutpoint;
        const session = await connect(url, { model: 'tiny', device: 'wasm', ...(token ? { token } : {}) });
        const traces: import('@cutpoint/client').Trace[] = [];
        session.on('trace', (trace) => traces.push(trace));
        const scores = [];
        for (const cut of [0, 4, 1e9]) {
          const results = await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut });
          scores.push(Array.from(results.scores?.data as Float32Array));
        }
        await session.close();
        return { isIsolated: crossOriginIsolated, traces, scores };
      },
      { url: edge.url, values, dims: [...INPUT_DIMS], token },
    );
    expect(done.isIsolated).toBe(true);
    const [offload, middle, local] = done.traces;
    expect(offload?.cut).toBe(0);
    expect(middle?.headMs).toBeGreaterThan(0);
    expect(middle?.tailMs).toBeGreaterThan(0);
    expect(local?.tailMs).toBe(0);
    for (const scores of done.scores) {
      scores.forEach((score, i) => {
        expect(score).toBeCloseTo(done.scores[0]?.[i] ?? Number.NaN, 4);
      });
    }
  });
}

test('a page of any other site is refused', async ({ page }) => {
  // The same page under another name is another site.
  await openPage(page, site.origin.replace('127.0.0.1', 'localhost'));
  const code = await page.evaluate(
    (url) =>
      globalThis.cutpoint.connect(url, { model: 'tiny' }).then(
        () => 'none',
        (error: { code: string }) => error.code,
      ),
    edge.url,
  );
  expect(code).toBe('edge_unreachable');
});
