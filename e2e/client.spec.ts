import { expect, type Page, test } from '@playwright/test';
import { INPUT_DIMS, tinyModel } from './client-model.js';
import { type Ground, inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));
/** Of the output's range. */
const TOLERANCE = 1e-4;

let ground: Ground;
let edge: Edge;

async function startEdge(port?: number): Promise<Edge> {
  const { models, store, page } = ground;
  return Edge.start({ models, store, args: ['--page', page], ...(port === undefined ? {} : { port }) });
}

test.beforeAll(async () => {
  ground = await prepareGround();
  edge = await startEdge();
});
test.afterAll(async () => {
  await edge.stop();
});

/** The outputs of the whole network, by another runtime on another machine: onnxruntime-node, here. */
async function unsplit(): Promise<Record<string, number[]>> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const ort = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(tinyModel());
  const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(values), INPUT_DIMS) });
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
  );
}

interface CutOutputs {
  readonly cut: number;
  readonly ran: number;
  readonly outputs: Record<string, number[]>;
}

/** Runs every listed cut of the tensors variant in the browser. */
async function runAllCuts(page: Page): Promise<{ kind: string; runs: CutOutputs[] }> {
  return page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny' });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      let ran = -1;
      session.on('trace', (trace) => {
        ran = trace.cut;
      });
      await session.ready();
      await session.run(feeds);
      const cuts = [...new Set((session.explain()?.candidates ?? []).map(({ arm }) => arm.cut))];
      const runs = [];
      for (const cut of cuts) {
        const results = await session.run(feeds, { cut });
        const outputs = Object.fromEntries(
          Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
        );
        runs.push({ cut, ran, outputs });
      }
      const { kind } = await session.ready();
      await session.close();
      return { kind, runs };
    },
    { values, dims: [...INPUT_DIMS] },
  );
}

function expectAllEqual(runs: readonly CutOutputs[], reference: Record<string, number[]>): void {
  expect(runs.length).toBeGreaterThanOrEqual(8);
  for (const { cut, ran, outputs } of runs) {
    expect(ran, 'the cut that was asked for ran').toBe(cut);
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(reference).sort());
    for (const [name, wanted] of Object.entries(reference)) {
      const range = Math.max(...wanted) - Math.min(...wanted);
      const got = outputs[name] ?? [];
      expect(got).toHaveLength(wanted.length);
      const worst = Math.max(...wanted.map((value, i) => Math.abs(value - (got[i] ?? Number.NaN))));
      expect(worst / range, `${name} at cut ${cut}`).toBeLessThanOrEqual(TOLERANCE);
    }
  }
}

test('without WebGPU heads run on the CPU, the session says why, and every distinct cut equals the unsplit network', async ({
  page,
}) => {
  await openPage(page, edge.url);
  const reason = await page.evaluate(async () => {
    const session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'auto' });
    const { reason } = await session.ready();
    await session.close();
    return reason;
  });
  expect(reason).toMatch(/WebGPU.*CPU \(WASM\)/);
  const { kind, runs } = await runAllCuts(page);
  expect(kind).toBe('wasm');
  expectAllEqual(runs, await unsplit());
});

test('a picture gives the same classes at every cut, and its place in the input', async ({ page }) => {
  await openPage(page, edge.url);
  const { found, whole, placement } = await page.evaluate(async () => {
    const { connect, decodeClassification } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm' });
    const canvas = new OffscreenCanvas(60, 30);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    context.fillStyle = 'crimson';
    context.fillRect(0, 0, 60, 30);
    context.fillStyle = 'navy';
    context.fillRect(20, 5, 15, 20);
    const picture = await canvas.convertToBlob();
    const first = await session.runImage(picture);
    // The first one was sent whole, by the page alone.
    await session.ready();
    await session.runImage(picture);
    const cuts = [...new Set((session.explain()?.candidates ?? []).map(({ arm }) => arm.cut))];
    const found = [];
    for (const cut of cuts) {
      const result = await session.runImage(picture, { cut, codec: 'f32' });
      const classes = decodeClassification(result, session.manifest);
      found.push({ cut, ran: result.trace.cut, classes });
    }
    await session.close();
    const { cut, plan } = first.trace;
    const whole = { cut, isPlanned: plan !== undefined, classes: decodeClassification(first, session.manifest) };
    return { found, whole, placement: first.placement };
  });
  expect(placement).toEqual({ scaleX: 0.8, scaleY: 0.8, offsetX: -12, offsetY: 0, inputWidth: 24, inputHeight: 24 });
  expect(found.length).toBeGreaterThanOrEqual(8);
  const [reference] = found;
  expect(whole).toMatchObject({ cut: 0, isPlanned: false });
  expect(whole.classes.map(({ label }) => label)).toEqual(reference?.classes.map(({ label }) => label));
  for (const { cut, ran, classes } of found) {
    expect(ran).toBe(cut);
    expect(classes.map(({ label }) => label)).toEqual(reference?.classes.map(({ label }) => label));
    classes.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(reference?.classes[i]?.score ?? Number.NaN, 3);
    });
  }
});

test('the parts of a trace are its total, and only heads and tails that ran have a time', async ({ page }) => {
  await openPage(page, edge.url);
  const traces = await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny', device: 'wasm' });
      const feeds = { x: new Tensor('float32', Float32Array.from(values), dims) };
      const traces: import('@cutpoint/client').Trace[] = [];
      session.on('trace', (trace) => traces.push(trace));
      for (const cut of [0, 4, 1e9]) await session.run(feeds, { cut, codec: 'f32' });
      await session.close();
      return traces;
    },
    { values, dims: [...INPUT_DIMS] },
  );
  const [offload, middle, local] = traces;
  for (const trace of traces) {
    const { resizeMs, waitMs, headMs, encodeMs, uploadMs, queueMs, decodeMs, tailMs, downloadMs, otherMs } = trace;
    const ofPage = resizeMs + waitMs + headMs + encodeMs;
    const ofEdge = uploadMs + queueMs + decodeMs + tailMs + downloadMs;
    expect(ofPage + ofEdge + otherMs).toBeCloseTo(trace.totalMs, 3);
  }
  expect(offload).toMatchObject({ cut: 0, headMs: 0, bytesUp: values.length * 4 });
  expect(offload?.edge?.totalMs).toBeGreaterThan(0);
  expect(middle?.headMs).toBeGreaterThan(0);
  expect(middle?.tailMs).toBeGreaterThan(0);
  expect(local).toMatchObject({ bytesUp: 0, bytesDown: 0, tailMs: 0, uploadMs: 0 });
  expect(local?.edge).toBeUndefined();
});

test('a model that WebGPU cannot run here falls back to the CPU, visibly', { tag: '@webgpu' }, async ({ page }) => {
  await openPage(page, edge.url);
  let plainLoads = 0;
  page.on('request', (request) => {
    if (/ort-wasm-simd-threaded[^.]*\.wasm$/.test(request.url())) plainLoads += 1;
  });
  const { before, after, heard, outputs } = await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const session = await connect('/', { model: 'tiny-fp16' });
      const heard: import('@cutpoint/client').DeviceChoice[] = [];
      session.on('device', (choice) => heard.push(choice));
      const before = await session.ready();
      const bits = Uint16Array.from(values, (value) => {
        const [whole = 0] = new Uint32Array(Float32Array.of(value).buffer);
        const exponent = ((whole >>> 23) & 0xff) - 112;
        return ((whole >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((whole >>> 13) & 0x3ff));
      });
      const feeds = { x: new Tensor('float16', bits, dims) };
      const outputs = [];
      for (const cut of [0, 4, 1e9]) {
        const { scores } = await session.run(feeds, { cut });
        outputs.push(Array.from(scores?.data as Float32Array, Number));
      }
      const after = await session.ready();
      await session.close();
      return { before, after, heard, outputs };
    },
    { values, dims: [...INPUT_DIMS] },
  );
  expect(before).toMatchObject({ kind: 'webgpu', build: 'jspi' });
  expect(after).toMatchObject({ kind: 'wasm', build: 'wasm' });
  expect(plainLoads, 'heads run on the build that has no WebGPU').toBeGreaterThan(0);
  expect(after.reason).toMatch(/WebGPU cannot run this model here \(.+\)/);
  expect(heard).toEqual([before, after]);
  for (const scores of outputs) {
    scores.forEach((score, i) => {
      expect(score).toBeCloseTo(outputs[0]?.[i] ?? Number.NaN, 2);
    });
  }
});

test('weights and graphs are fetched once, and only those of the head: on the next visit they are here', async ({
  page,
}) => {
  const fetched: string[] = [];
  page.on('request', (request) => {
    if (/\/v1\/(packs|graphs)\//.test(request.url())) fetched.push(request.url());
  });
  await openPage(page, edge.url);
  const run = (cut: number) =>
    page.evaluate(
      async ({ values, dims, cut }) => {
        const { connect, Tensor } = globalThis.cutpoint;
        const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload', rescue: 'off' });
        await session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut });
        await session.close();
      },
      { values, dims: [...INPUT_DIMS], cut },
    );
  await run(0);
  expect(fetched).toEqual([]);
  await run(1e9);
  const whole = fetched.length;
  expect(whole).toBeGreaterThan(0);
  await page.reload();
  await page.waitForFunction(() => 'cutpoint' in globalThis);
  await run(1e9);
  expect(fetched).toHaveLength(whole);
});

test('a slow link is measured as what it is', async ({ page }) => {
  await openPage(page, edge.url);
  const link = await page.evaluate(async () => {
    const { connect } = globalThis.cutpoint;
    const shape = { uplinkBytesPerMs: 20, downlinkBytesPerMs: 1000, roundTripMs: 80 };
    const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload', shape });
    let link: { uplinkBytesPerMs?: number; fixedMs?: number } = {};
    session.on('link', (now) => {
      link = now;
    });
    const { Tensor } = globalThis.cutpoint;
    const feeds = { x: new Tensor('float32', new Float32Array(3 * 24 * 24), [1, 3, 24, 24]) };
    for (let i = 0; i < 4; i++) await session.run(feeds);
    await session.close();
    return link;
  });
  expect(link.uplinkBytesPerMs).toBeGreaterThan(20 * 0.8);
  expect(link.uplinkBytesPerMs).toBeLessThan(20 * 1.2);
  expect(link.fixedMs).toBeGreaterThanOrEqual(80);
  expect(link.fixedMs).toBeLessThan(130);
});

test('sessions that share have one connection and one runtime, until the last one closes', async ({ page }) => {
  const sockets: { closed: boolean }[] = [];
  page.on('websocket', (socket) => {
    const entry = { closed: false };
    sockets.push(entry);
    socket.on('close', () => {
      entry.closed = true;
    });
  });
  await openPage(page, edge.url);
  const workers = () => page.workers().length;
  await page.evaluate(
    async ({ values, dims }) => {
      const { connect, Tensor } = globalThis.cutpoint;
      const first = await connect('/', { model: 'tiny', device: 'wasm' });
      globalThis.session = await connect('/', { model: 'tiny', device: 'wasm', share: first });
      await first.close();
      await globalThis.session.run({ x: new Tensor('float32', Float32Array.from(values), dims) }, { cut: 4 });
    },
    { values, dims: [...INPUT_DIMS] },
  );
  expect(sockets).toEqual([{ closed: false }]);
  // One for pictures, and one for heads, or two where a second head was built beside the first.
  await expect.poll(workers).toBeGreaterThanOrEqual(2);
  expect(workers()).toBeLessThanOrEqual(3);
  await page.evaluate(() => globalThis.session.close());
  await expect.poll(() => sockets).toEqual([{ closed: true }]);
  await expect.poll(workers).toBe(0);
});
