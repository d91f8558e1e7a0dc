import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge, freePort } from './harness/edge.js';
import { HideablePage } from './harness/hidden-page.js';

/** Inferences of a page that is hidden and frozen under way, and shown again. */

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
const args = { values, dims: [...INPUT_DIMS] };
const CUTS = [0, 4, 1e9];
const HIDDEN_MS = 1500;

let ground: Ground;
test.beforeAll(async () => {
  ground = await prepareGround();
});

/** Begins an inference at each of the cuts; what became of them is for {@link ended} to say. */
async function begin(page: Page): Promise<void> {
  await page.evaluate(
    ({ values, dims, cuts }) => {
      const { session, cutpoint } = globalThis;
      const x = new cutpoint.Tensor('float32', Float32Array.from(values), dims);
      const runs = cuts.map(async (cut) => {
        const { scores } = await session.run({ x }, { cut, codec: 'f32' });
        return Array.from(scores?.data as Float32Array);
      });
      globalThis.underWay = Promise.all(runs.map((run) => run.catch(String)));
    },
    { ...args, cuts: CUTS },
  );
}

const ended = (page: Page) => page.evaluate(() => globalThis.underWay);

declare global {
  var underWay: Promise<(number[] | string)[]>;
}

function expectSame(all: (number[] | string)[], expected: (number[] | string)[]): void {
  const [wanted] = expected;
  for (const scores of [...expected, ...all]) {
    expect(scores).toHaveLength(5);
    for (const i of [0, 1, 2, 3, 4]) expect(scores[i]).toBeCloseTo(Number(wanted?.[i]), 4);
  }
}

test('each settles with its result when the page is seen again, whatever became of the edge meanwhile', async ({
  playwright,
  launchOptions,
}) => {
  const { models, store, page: folder } = ground;
  const port = await freePort();
  const start = () => Edge.start({ models, store, port, args: ['--page', folder] });
  let own = await start();
  await using hideable = await HideablePage.open(playwright.chromium, launchOptions);
  const { page } = hideable;
  try {
    await openPage(page, own.url);
    await page.evaluate(async () => {
      globalThis.session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'wasm', rescue: 'off' });
    });
    await begin(page);
    const seen = await ended(page);
    expectSame(seen, seen);

    // Half a second of upload each.
    await page.evaluate(() => globalThis.session.setShape({ uplinkBytesPerMs: 12 }));
    await begin(page);
    await hideable.hide();
    await new Promise((resolve) => setTimeout(resolve, HIDDEN_MS));
    await hideable.show();
    expectSame(await ended(page), seen);

    await begin(page);
    await hideable.hide();
    await own.kill();
    own = await start();
    await hideable.show();
    expectSame(await ended(page), seen);

    // What was here before it was hidden is here still.
    await page.evaluate(() => globalThis.session.setShape(undefined));
    await begin(page);
    expectSame(await ended(page), seen);
  } finally {
    await own.kill();
  }
});
