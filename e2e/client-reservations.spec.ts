import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { INPUT_DIMS, longModel } from './client-model.js';
import { inputValues, openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

const values = inputValues(INPUT_DIMS.reduce((a, b) => a * b, 1));

/** Beside the networks of the other tests, one whose tail runs for a while. */
async function startEdge(): Promise<Edge> {
  const { models, store, page } = await prepareGround();
  await mkdir(join(models, 'long', '1'), { recursive: true });
  await writeFile(join(models, 'long', '1', 'model.onnx'), longModel());
  const config = { description: 'A network that takes its time', source: { file: '1/model.onnx' } };
  await writeFile(join(models, 'long', 'config.json'), JSON.stringify(config));
  // One tail at a time, and none but those of the test.
  return Edge.start({ models, store, args: ['--page', page, '--workers', '1', '--no-canary'] });
}

test('a client is served by the moment of its decision, also when others, who came later, were there first', async ({
  page,
}) => {
  const edge = await startEdge();
  const sent: { readonly type: string; readonly id: number; readonly model?: string }[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      if (typeof payload === 'string') sent.push(JSON.parse(payload));
    }),
  );
  try {
    await openPage(page, edge.url);
    const seen = await page.evaluate(
      async ({ values, dims }) => {
        const { connect, Tensor } = globalThis.cutpoint;
        // Each has a connection of its own: to the edge these are three clients.
        const open = async (model: string, feeds: Record<string, InstanceType<typeof Tensor>>) => {
          const session = await connect('/', { model, device: 'wasm', policy: 'offload' });
          const run = async () => {
            const traced = new Promise<{ queueMs: number; uploadMs: number }>((resolve) => {
              const stop = session.on('trace', (trace) => {
                stop();
                resolve(trace);
              });
            });
            await session.run(feeds, { cut: 0 });
            return await traced;
          };
          // What holds places is there from now on.
          await session.ready();
          await run();
          return { session, run };
        };
        const x = () => ({ x: new Tensor('float32', Float32Array.of(0), [1]) });
        const running = await open('long', x());
        const later = await open('long', x());
        const earlier = await open('tiny', { x: new Tensor('float32', Float32Array.from(values), dims) });
        // A quarter of a second of upload; the two long tails before it take many times that.
        earlier.session.setShape({ uplinkBytesPerMs: 30 });

        const until = async (
          isMet: (load: { inFlight: number; queueDepth: number; announcedMs: number }) => boolean,
        ) => {
          while (!isMet(await (await fetch('/v1/load')).json())) await new Promise((resolve) => setTimeout(resolve, 5));
        };
        const order: string[] = [];
        const told = <T>(name: string, result: Promise<T>) => result.finally(() => order.push(name));

        const first = [1, 2].map(() => told('what runs', running.run()));
        await until(({ inFlight, queueDepth }) => inFlight === 1 && queueDepth === 1);
        const second = told('the earlier decision', earlier.run());
        await until(({ announcedMs }) => announcedMs > 0);
        const third = told('the later decision', later.run());
        await Promise.all(first);
        const traces = await Promise.all([second, third]);
        for (const { session } of [running, later, earlier]) await session.close();
        return { order, waitedMs: traces.map(({ queueMs }) => queueMs) };
      },
      { values, dims: [...INPUT_DIMS] },
    );
    expect(seen.order).toEqual(['what runs', 'what runs', 'the earlier decision', 'the later decision']);
    // The later one was there first: it waited for all of what the earlier one waited for, and longer.
    const [earlierMs = Number.NaN, laterMs = Number.NaN] = seen.waitedMs;
    expect(laterMs).toBeGreaterThan(earlierMs);
    const ofEarlier = sent.filter(({ model }) => model === 'tiny').map(({ type, id }) => `${type} ${id}`);
    expect(ofEarlier).toEqual(['reserve 1', 'infer 1', 'reserve 2', 'infer 2']);
  } finally {
    await edge.stop();
  }
});
