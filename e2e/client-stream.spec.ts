import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, test } from '@playwright/test';
import { type Ground, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

let ground: Ground;
let edge: Edge;

interface Span {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

/** What the edge sends a collector. */
const spans: Span[] = [];
const collector = createServer(async (request, response) => {
  const { resourceSpans } = (await json(request)) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
  response.end('{}');
});

test.beforeAll(async () => {
  ground = await prepareGround();
  const { models, store, page } = ground;
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  // Of a server that listens on TCP.
  const { port } = collector.address() as AddressInfo;
  const args = ['--page', page, '--traces', `http://127.0.0.1:${port}`];
  edge = await Edge.start({ models, store, args, env: { OTEL_BSP_SCHEDULE_DELAY: '50' } });
});
test.afterAll(async () => {
  await edge.stop();
  collector.close();
});

test('a stream overlaps its frames, answers in order, and gives each the answer that a run alone gives', async ({
  page,
}) => {
  await openPage(page, edge.url);
  const { answers, alone, traces } = await page.evaluate(async () => {
    const { connect } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload', maxAccuracyDrop: 0 });
    const pictures = Array.from({ length: 8 }, (_, index) => {
      const picture = new ImageData(24, 24);
      for (let at = 0; at < picture.data.length; at++) picture.data[at] = at % 4 === 3 ? 255 : (at * (index + 3)) % 256;
      return picture;
    });
    const scoresOf = ({ outputs }: import('@cutpoint/client').ImageResult) =>
      Object.values(outputs).flatMap(({ data }) => Array.from(data as ArrayLike<number | bigint>, Number));
    const alone = [];
    for (const picture of pictures) alone.push(scoresOf(await session.runImage(picture)));
    // Half a second a frame on the way, so that overlapping is plain to see and no frame is dropped.
    session.setShape({ roundTripMs: 500 });
    const traces: { startedAtMs: number; totalMs: number }[] = [];
    session.on('trace', ({ startedAtMs, totalMs }) => traces.push({ startedAtMs, totalMs }));
    async function* frames() {
      for (const picture of pictures) {
        yield picture;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const answers = [];
    for await (const { frame, dropped, result } of session.stream(frames(), { maxInFlight: 4 })) {
      answers.push({ frame, dropped, scores: scoresOf(result) });
    }
    await session.close();
    return { answers, alone, traces };
  });
  expect(answers.map(({ frame }) => frame)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(answers.every(({ dropped }) => dropped === 0)).toBe(true);
  for (const { frame, scores } of answers) expect(scores).toEqual(alone[frame]);
  const overlapped = traces.filter(({ startedAtMs }, index) => {
    const before = traces[index - 1];
    return before !== undefined && startedAtMs < before.startedAtMs + before.totalMs;
  });
  expect(overlapped.length).toBeGreaterThanOrEqual(6);
});

test('a stream that is slower than its camera drops what is stale, and ends when it is left', async ({ page }) => {
  await openPage(page, edge.url);
  const seen = await page.evaluate(async () => {
    const { connect } = globalThis.cutpoint;
    const session = await connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
    await session.runImage(new ImageData(24, 24));
    session.setShape({ roundTripMs: 400 });
    let isClosed = false;
    let timer = 0;
    const camera = new ReadableStream<ImageData>({
      start(sink) {
        timer = window.setInterval(() => sink.enqueue(new ImageData(24, 24)), 20);
      },
      cancel() {
        isClosed = true;
        clearInterval(timer);
      },
    });
    const dropped: number[] = [];
    const frames: number[] = [];
    for await (const { frame } of session.stream(camera, {
      maxInFlight: 1,
      onDrop: (number) => dropped.push(number),
    })) {
      frames.push(frame);
      if (frames.length === 3) break;
    }
    const after = await session.runImage(new ImageData(24, 24));
    await session.close();
    return { frames, dropped, isClosed, cut: after.trace.cut };
  });
  expect(seen.isClosed).toBe(true);
  expect(seen.cut).toBe(0);
  const [first = -1, second = -1, third = -1] = seen.frames;
  expect(first).toBe(0);
  // A frame every 20 ms, an answer every 400: most of what lies between two answers was never begun.
  expect(second - first).toBeGreaterThan(3);
  expect(third - second).toBeGreaterThan(3);
  expect(new Set(seen.dropped).size).toBe(seen.dropped.length);
  expect(seen.dropped).not.toContain(second);
});

test('what the edge does for runs and streams is traced below the spans that the app names', async ({ page }) => {
  await openPage(page, edge.url);
  const parents = await page.evaluate(async () => {
    const traceparentOf = (n: number) => `00-${'a'.repeat(31)}${n}-${'b'.repeat(15)}${n}-01`;
    const session = await globalThis.cutpoint.connect('/', { model: 'tiny', device: 'wasm', policy: 'offload' });
    const parents: (string | undefined)[] = [];
    session.on('trace', ({ traceparent }) => parents.push(traceparent));
    await session.runImage(new ImageData(24, 24), { traceparent: traceparentOf(1) });
    async function* frames() {
      yield new ImageData(24, 24);
    }
    for await (const _ of session.stream(frames(), { traceparent: traceparentOf(2) }));
    await session.close();
    return parents;
  });
  const wanted = [1, 2].map((n) => ({ traceId: `${'a'.repeat(31)}${n}`, parentSpanId: `${'b'.repeat(15)}${n}` }));
  expect(parents).toEqual(wanted.map(({ traceId, parentSpanId }) => `00-${traceId}-${parentSpanId}-01`));
  const isWanted = ({ name, traceId }: Span) => name === 'infer tiny' && traceId.startsWith('aaaa');
  await expect.poll(() => spans.filter(isWanted)).toMatchObject(wanted);
});
