import { expect, test } from '@playwright/test';
import { INPUT_DIMS } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
/** Of the output's range. */
const TOLERANCE: Readonly<Record<string, number>> = { f32: 1e-4, f16: 5e-3, u8: 0.05 };

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

test('every cut gives the same outputs with every codec, within what the codec loses', async ({ page }) => {
  await openPage(page, edge.url);
  const runs = await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny', device: 'wasm', maxAccuracyDrop: 1 });
      await session.ready();
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      let trace: import('@cutpoint/client').Trace | undefined;
      session.on('trace', (last) => {
        trace = last;
      });
      await session.run(feeds);
      const arms = (session.explain()?.candidates ?? []).map(({ arm }) => arm);
      const runs = [];
      for (const { cut, codec } of arms) {
        const results = await session.run(feeds, { cut, codec });
        const outputs = Object.values(results).flatMap(({ data }) => Array.from(data as Float32Array));
        runs.push({ cut, codec, ran: `${trace?.cut}/${trace?.codec}`, bytesUp: trace?.bytesUp ?? 0, outputs });
      }
      await session.close();
      return runs;
    },
    { values, dims: [...INPUT_DIMS] },
  );
  expect(new Set(runs.map(({ codec }) => codec))).toEqual(
    new Set(['f32', 'f16', 'u8', 'f32+deflate', 'f16+deflate', 'u8+deflate']),
  );
  for (const { cut, codec, ran, bytesUp, outputs } of runs) {
    expect(ran, 'the arm that was asked for ran').toBe(`${cut}/${codec}`);
    const plain = runs.find((run) => run.cut === cut && run.codec === 'f32');
    if (!plain) throw new Error(`cut ${cut} has no arm f32`);
    const [numbers = '', deflate] = codec.split('+');
    const range = Math.max(...plain.outputs) - Math.min(...plain.outputs);
    const worst = Math.max(...plain.outputs.map((value, i) => Math.abs(value - (outputs[i] ?? Number.NaN))));
    expect(worst / range, `${codec} at cut ${cut}`).toBeLessThanOrEqual(TOLERANCE[numbers] ?? 0);
    const share = { f32: 1, f16: 0.5, u8: 0.25 }[numbers] ?? 0;
    if (deflate) expect(bytesUp).toBeLessThanOrEqual(plain.bytesUp * share);
    else expect(bytesUp).toBe(plain.bytesUp * share);
  }
});

test('without a word about accuracy only what loses nothing runs', async ({ page }) => {
  await openPage(page, edge.url);
  const codecs = await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny', device: 'wasm' });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const codecs: string[] = [];
      session.on('trace', ({ codec }) => codecs.push(codec));
      session.setShape({ uplinkBytesPerMs: 20 });
      for (let run = 0; run < 6; run++) await session.run(feeds, run % 2 ? { cut: 0 } : {});
      await session.close();
      return codecs;
    },
    { values, dims: [...INPUT_DIMS] },
  );
  expect(codecs.filter((codec) => codec !== 'f32' && codec !== 'f32+deflate')).toEqual([]);
});

test('a codec that the app asks for is what crosses, from the first inference on, and until it asks for another', async ({
  page,
}) => {
  await openPage(page, edge.url);
  const codecs = await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const options = { model: 'tiny', device: 'wasm', maxAccuracyDrop: 1, codecs: ['u8'], policy: 'offload' } as const;
      const session = await connect('/', options);
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const codecs: string[] = [];
      session.on('trace', ({ codec }) => codecs.push(codec));
      await session.run(feeds);
      session.setConstraints({ maxAccuracyDrop: 1, codecs: ['f16'] });
      await session.run(feeds, { cut: 0 });
      await session.close();
      return codecs;
    },
    { values, dims: [...INPUT_DIMS] },
  );
  expect(codecs).toEqual(['u8', 'f16']);
});

test('a picture travels as the browser compresses it, and means the same', async ({ page }) => {
  await openPage(page, edge.url);
  const { runs, waits } = await page.evaluate(async () => {
    const { connect, decodeClassification } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm' });
    const canvas = new OffscreenCanvas(48, 48);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    const sky = context.createLinearGradient(0, 0, 48, 48);
    sky.addColorStop(0, 'crimson');
    sky.addColorStop(1, 'gold');
    context.fillStyle = sky;
    context.fillRect(0, 0, 48, 48);
    const picture = await canvas.convertToBlob();
    const runs = [];
    for (const codec of ['f32', 'jpeg', 'webp'] as const) {
      const result = await session.runImage(picture, { cut: 0, codec });
      const { trace } = result;
      const { encodeMs, bytesUp, edge } = trace;
      const classes = decodeClassification(result, session.manifest);
      runs.push({ codec, ran: trace.codec, encodeMs, bytesUp, decodeMs: edge?.decodeMs ?? 0, classes });
    }
    const atOnce = Array.from({ length: 8 }, () => session.runImage(canvas, { cut: 0, codec: 'jpeg' }));
    const waits = (await Promise.all(atOnce)).map(({ trace: { waitMs, plan } }) => ({
      waitMs,
      predictedMs: plan?.chosen.terms.waitMs ?? 0,
    }));
    await session.close();
    return { runs, waits };
  });
  // One worker compresses one after the other, and who decides knows what is before it.
  expect(waits.filter(({ waitMs, predictedMs }) => waitMs > 0 && predictedMs > 0).length).toBeGreaterThan(2);
  const [raw] = runs;
  for (const { codec, ran, classes, bytesUp, encodeMs, decodeMs } of runs) {
    expect(ran).toBe(codec);
    expect(classes[0]?.label).toBe(raw?.classes[0]?.label);
    expect(Math.abs((classes[0]?.score ?? 0) - (raw?.classes[0]?.score ?? 0))).toBeLessThan(0.05);
    if (codec === 'f32') continue;
    expect(bytesUp).toBeLessThan(raw?.bytesUp ?? 0);
    expect(Math.min(encodeMs, decodeMs)).toBeGreaterThan(0);
  }
});

test('where the worker that compresses pictures does not start, they travel raw', async ({ page }) => {
  await page.route(/picture-worker.*\.js/, (route) => route.abort());
  await openPage(page, edge.url);
  const { codecs, ran } = await page.evaluate(async () => {
    const { connect } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm', maxAccuracyDrop: 1 });
    const canvas = new OffscreenCanvas(48, 48);
    canvas.getContext('2d')?.fillRect(0, 0, 24, 24);
    const picture = await canvas.convertToBlob();
    const { trace } = await session.runImage(picture, { cut: 0 });
    const codecs = (session.explain()?.candidates ?? []).map(({ arm }) => arm.codec);
    await session.close();
    return { codecs, ran: trace.codec };
  });
  expect(codecs).toContain('u8');
  expect([...codecs, ran].filter((codec) => codec === 'jpeg' || codec === 'webp')).toEqual([]);
});
