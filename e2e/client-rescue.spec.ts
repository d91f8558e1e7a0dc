import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

/** Inferences that an edge leaves half done: each test has an edge of its own, and takes it away. */

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };
const HEAD = 4;

let ground: Ground;

async function startEdge(): Promise<Edge> {
  const { models, store, page } = ground;
  return Edge.start({ models, store, args: ['--page', page] });
}

test.beforeAll(async () => {
  ground = await prepareGround();
});

interface Asked {
  readonly cut?: number;
  readonly codec?: import('@cutpoint/client').Codec;
  readonly deadlineMs?: number;
}

/** One inference in the page: its scores, and how it went. */
function run(page: Page, asked: Asked) {
  return page.evaluate(
    async ({ values, dims, asked }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      const traced = new Promise<import('@cutpoint/client').Trace>((resolve) => session.on('trace', resolve));
      const { scores, pooled } = await session.run(feeds, asked);
      const { cut, rescued } = await traced;
      const numbers = [scores, pooled].flatMap((tensor) => Array.from(tensor?.data as Float32Array));
      return { cut, rescued, numbers };
    },
    { ...args, asked },
  );
}

/** A session that has run the head, and then had its idle moment: what a local finish needs is here. */
async function settledSession(page: Page, edge: Edge): Promise<{ numbers: number[]; local: number }> {
  const { variants } = await (await fetch(`${edge.url}/v1/models/tiny/manifest`)).json();
  const { table } = variants.find(({ kind }: { kind: string }) => kind === 'tensors');
  const { cuts } = await (await fetch(`${edge.url}/v1/tables/${table}`)).json();
  const { tailGraph } = cuts.find(({ id }: { id: number }) => id === HEAD);
  const { id: local } = cuts.find((cut: { tailGraph: string | null }) => cut.tailGraph === null);
  await openPage(page, edge.url);
  await page.evaluate(async () => {
    const options = { model: 'tiny', device: 'wasm', policy: 'offload', maxAccuracyDrop: 0.01 } as const;
    globalThis.session = await globalThis.cutpoint.connect('/', options);
  });
  const { numbers } = await run(page, { cut: HEAD, codec: 'f32' });
  await expect(async () => {
    const isHere = await page.evaluate(async (tailGraph) => {
      const cache = await caches.open('cutpoint-packs-v1');
      const { packs } = globalThis.session.manifest;
      const keys = [`graphs/${tailGraph}`, ...packs.map(({ sha256 }) => `packs/${sha256}`)];
      const found = await Promise.all(keys.map((key) => cache.match(`https://cutpoint.invalid/${key}`)));
      return found.every((response) => response !== undefined);
    }, tailGraph);
    expect(isHere).toBe(true);
  }).toPass({ timeout: 30_000 });
  return { numbers, local };
}

function expectClose(numbers: readonly number[], expected: readonly number[], digits = 4): void {
  expect(numbers).toHaveLength(expected.length);
  numbers.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] ?? Number.NaN, digits);
  });
}

test('an edge that is killed during the upload: the page finishes the tail', async ({ page }) => {
  const own = await startEdge();
  try {
    const { numbers } = await settledSession(page, own);
    // More than a second of upload: the edge dies in the middle of it.
    await page.evaluate(() => globalThis.session.setShape({ uplinkBytesPerMs: 12 }));
    const underWay = run(page, { cut: HEAD, codec: 'f32' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await own.kill();
    const rescued = await underWay;
    expect(rescued).toMatchObject({ cut: HEAD, rescued: 'tail' });
    expectClose(rescued.numbers, numbers);
  } finally {
    await own.kill();
  }
});

test('an edge that is killed during the tail: the page finishes it, with no more loss than the codec has', {
  tag: '@webgpu',
}, async ({ page }) => {
  const own = await startEdge();
  try {
    await settledSession(page, own);
    const asked = { cut: HEAD, codec: 'u8+deflate' } as const;
    const { numbers } = await run(page, asked);
    // It has all of the request, and does nothing with it any more.
    own.freeze();
    const underWay = run(page, asked);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await own.kill();
    const rescued = await underWay;
    expect(rescued).toMatchObject({ cut: HEAD, rescued: 'tail' });
    expectClose(rescued.numbers, numbers);
    // And the next one, without an edge from the start.
    const alone = await run(page, {});
    expectClose(alone.numbers, numbers, 2);
  } finally {
    await own.kill();
  }
});

test('an edge that does not answer in time: the page makes the deadline', async ({ page }) => {
  const own = await startEdge();
  try {
    const { numbers, local } = await settledSession(page, own);
    own.freeze();
    const fromTail = await run(page, { cut: HEAD, codec: 'f32', deadlineMs: 3000 });
    expect(fromTail).toMatchObject({ cut: HEAD, rescued: 'tail' });
    expectClose(fromTail.numbers, numbers);
    const fromFeeds = await run(page, { cut: 0, deadlineMs: 3000 });
    expect(fromFeeds).toMatchObject({ cut: local, rescued: 'feeds' });
    expectClose(fromFeeds.numbers, numbers);
  } finally {
    await own.kill();
  }
});

test('without the weights an inference waits for its edge until the deadline, and says what would have helped', async ({
  page,
}) => {
  const own = await startEdge();
  try {
    await openPage(page, own.url);
    await page.evaluate(async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      globalThis.session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload', rescue: 'off' });
      await globalThis.session.run({ x: new Tensor('float32', Float32Array.from(values), dims) });
      globalThis.session.setShape({ uplinkBytesPerMs: 12 });
    }, args);
    const failing = page.evaluate(async ({ values, dims }) => {
      const { session, cutpoint } = globalThis;
      const feeds = { x: new cutpoint.Tensor('float32', Float32Array.from(values), dims) };
      const error = await session.run(feeds, { deadlineMs: 3000 }).catch((error: unknown) => error);
      return error instanceof cutpoint.CutpointError ? [error.code, error.message] : [String(error)];
    }, args);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await own.kill();
    const [code, message] = await failing;
    expect(code).toBe('deadline_exceeded');
    expect(message).toMatch(/^No result within 3000 ms\. The edge cannot be reached \(.+\)\. .+`rescue: 'idle'`\.$/);
  } finally {
    await own.kill();
  }
});
