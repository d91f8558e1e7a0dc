import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge, freePort } from './harness/edge.js';
import { serveOtherSite } from './harness/other-site.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };

/** Edges that go away, come back, change and fail: each test has one of its own. */

let ground: Ground;

declare global {
  var inferences: Promise<(readonly [cut: number, edgeUrl: string | undefined, numScores: number])[]>;
}

async function startEdge(port?: number, store = ground.store): Promise<Edge> {
  const { models, page } = ground;
  return Edge.start({ models, store, args: ['--page', page], ...(port === undefined ? {} : { port }) });
}

test.beforeAll(async () => {
  ground = await prepareGround();
});

test('an edge that goes away and comes back: the page says so, finishes alone what it can, and goes on', async ({
  page,
}) => {
  const port = await freePort();
  let own = await startEdge(port);
  try {
    await openPage(page, own.url);
    await page.evaluate(async () => {
      globalThis.session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'wasm' });
    });
    const states: string[] = [];
    await page.exposeFunction('heardState', (state: string) => states.push(state));
    const run = (cut?: number) =>
      page.evaluate(
        async ({ values, dims, cut }) => {
          const { session, cutpoint } = globalThis;
          const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
          const traced = new Promise<number>((resolve) => session.on('trace', (trace) => resolve(trace.cut)));
          const { scores } = await session.run(feeds, cut === undefined ? {} : { cut });
          return { cut: await traced, scores: Array.from(scores?.data as Float32Array) };
        },
        { ...args, cut },
      );
    await page.evaluate(() => {
      const heard = (globalThis as unknown as { heardState(state: string): void }).heardState;
      globalThis.session.on('state', ({ state }) => heard(state));
    });
    const before = await run(0);
    const local = await run(1e9);

    // Half a second of upload: the edge dies in the middle of it.
    await page.evaluate(() => globalThis.session.setShape({ uplinkBytesPerMs: 12 }));
    const underWay = run(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await own.kill();
    expect((await underWay).cut).toBe(local.cut);
    await expect.poll(() => states).toContain('offline');
    await page.evaluate(() => globalThis.session.setShape(undefined));
    const alone = await run();
    expect(alone.cut).toBe(local.cut);
    alone.scores.forEach((score, i) => {
      expect(score).toBeCloseTo(before.scores[i] ?? Number.NaN, 4);
    });

    own = await startEdge(port);
    await expect.poll(() => states.at(-1), { timeout: 30_000 }).toBe('online');
    expect((await run(0)).cut).toBe(0);
  } finally {
    await own.stop();
  }
});

test('an inference that only the edge can finish waits for it to come back', async ({ page }) => {
  const port = await freePort();
  let own = await startEdge(port);
  try {
    await openPage(page, own.url);
    const result = page.evaluate(async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      await session.run(feeds);
      // Half a second of upload: the edge dies in the middle of it.
      session.setShape({ uplinkBytesPerMs: 12 });
      document.title = 'sending';
      const { scores } = await session.run(feeds, { deadlineMs: 60_000 });
      return Array.from(scores?.data as Float32Array);
    }, args);
    await expect(page).toHaveTitle('sending');
    await own.kill();
    own = await startEdge(port);
    expect(await result).toHaveLength(5);
  } finally {
    await own.stop();
  }
});

test('an edge that has prepared the model anew is asked again, and no inference notices', async ({ page }) => {
  const port = await freePort();
  let own = await startEdge(port);
  try {
    await openPage(page, own.url);
    const run = (cut: number) =>
      page.evaluate(
        async ({ values, dims, cut }) => {
          const { session, cutpoint } = globalThis;
          const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
          const { scores } = await session.run(feeds, { cut });
          const { table } = session.manifest.variants[0] ?? {};
          return { table, scores: Array.from(scores?.data as Float32Array) };
        },
        { ...args, cut },
      );
    await page.evaluate(async () => {
      globalThis.session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'wasm' });
      // The scripts come from this edge as well.
      await globalThis.session.ready();
    });
    const before = await run(0);
    await own.stop();
    // An empty store: the cuts are timed again, so their table has another hash.
    own = await startEdge(port, `${ground.store}-anew`);
    for (const cut of [0, 3]) {
      const after = await run(cut);
      expect(after.table).not.toBe(before.table);
      after.scores.forEach((score, i) => {
        expect(score).toBeCloseTo(before.scores[i] ?? Number.NaN, 4);
      });
    }
  } finally {
    await own.stop();
  }
});

test('a tail that fails at the edge is finished in the page when the whole network is there', async ({ page }) => {
  const own = await startEdge(undefined, `${ground.store}-broken`);
  try {
    // The tail of cut 4, before any worker has opened it: each attempt at it fails as it would for want of memory.
    const { variants } = await (await fetch(`${own.url}/v1/models/tiny/manifest`)).json();
    const { table } = variants.find(({ kind }: { kind: string }) => kind === 'tensors');
    const { cuts } = await (await fetch(`${own.url}/v1/tables/${table}`)).json();
    const { tailGraph } = cuts.find(({ id }: { id: number }) => id === 4);
    const files = await readdir(`${ground.store}-broken`, { recursive: true });
    const file = files.find((name) => name.includes(tailGraph));
    await writeFile(join(`${ground.store}-broken`, file ?? 'the tail is not in the store'), 'no graph');

    await openPage(page, own.url);
    const { failure, cuts: ran } = await page.evaluate(async ({ values, dims }) => {
      const { connect, CutpointError, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const cuts: number[] = [];
      session.on('trace', ({ cut }) => cuts.push(cut));
      const error = await session.run(feeds, { cut: 4 }).catch((error: unknown) => error);
      const failure = error instanceof CutpointError ? [error.code, error.edgeCode] : String(error);
      await session.run(feeds, { cut: 1e9 });
      await session.run(feeds, { cut: 4 });
      await session.run(feeds, { cut: 0 });
      return { failure, cuts };
    }, args);
    expect(failure).toEqual(['edge_error', 'tail_failed']);
    const local = cuts.find(({ tailGraph }: { tailGraph: string | null }) => tailGraph === null).id;
    expect(ran).toEqual([local, local, 0]);
  } finally {
    await own.stop();
  }
});

test('of two edges the other one finishes what the first leaves in its upload and in its tail, and is all there is then', async ({
  page,
}) => {
  const [port, otherPort] = [await freePort(), await freePort()];
  // A page may connect to its own edge alone where the edge's own rules hold.
  const site = await serveOtherSite(ground.page, {});
  const start = (port: number) => Edge.start({ ...ground, port, args: ['--origin', site.origin] });
  const [second, firstOne] = [await start(otherPort), await start(port)];
  let first = firstOne;
  /** Two inferences that only an edge can finish, one of them with a head here. */
  const begin = () =>
    page.evaluate(({ values, dims }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      const runs = [0, 4].map(async (cut) => {
        const traced = new Promise<import('@cutpoint/client').Trace>((resolve) => {
          const stop = session.on('trace', (trace) => {
            if (trace.cut !== cut) return;
            stop();
            resolve(trace);
          });
        });
        const { scores } = await session.run(feeds, { cut, codec: 'f32' });
        return [cut, (await traced).edgeUrl, scores?.data.length ?? 0] as const;
      });
      globalThis.inferences = Promise.all(runs);
    }, args);
  const ended = () => page.evaluate(() => globalThis.inferences);
  const all = (url: string) => [0, 4].map((cut) => [cut, `${url}/`, 5]);
  try {
    await openPage(page, site.origin);
    await page.evaluate(
      async (urls) => {
        const options = { model: 'tiny', device: 'wasm', policy: 'offload', rescue: 'off' } as const;
        globalThis.session = await globalThis.cutpoint.connect(urls, options);
      },
      [first.url, second.url],
    );
    await begin();
    expect(await ended()).toEqual(all(first.url));

    // Half a second of upload and more: the edge dies in the middle of it.
    await page.evaluate(() => globalThis.session.setShape({ uplinkBytesPerMs: 12 }));
    await begin();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await first.kill();
    await page.evaluate(() => globalThis.session.setShape(undefined));
    expect(await ended()).toEqual(all(second.url));

    // It has all of the requests, and does nothing with them any more.
    first = await start(port);
    second.freeze();
    await begin();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await second.kill();
    expect(await ended()).toEqual(all(first.url));

    await first.kill();
    const code = await page.evaluate(async ({ values, dims }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      const error = await session.run(feeds, { cut: 0, deadlineMs: 1000 }).catch((error: unknown) => error);
      return error instanceof cutpoint.CutpointError ? error.code : String(error);
    }, args);
    expect(code).toBe('deadline_exceeded');
  } finally {
    await first.kill();
    await second.kill();
    await site.close();
  }
});
