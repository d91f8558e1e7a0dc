import { Tensor } from 'onnxruntime-common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from './connect.js';
import type { CutpointError } from './errors.js';
import type { EdgeAddress, Session, Trace } from './session.js';
import { FakeWorker } from './testing/fake-worker.js';
import { TinyEdge, tinyHead } from './testing/tiny-edge.js';
import type { Call } from './worker/messages.js';

const cleanups: (() => unknown)[] = [];
/** What the page's workers do; a test may have them do something else. */
let perform: (call: Call) => ReturnType<typeof tinyHead> | { error: string } | undefined;
const workers: FakeWorker[] = [];

beforeEach(() => {
  perform = tinyHead;
  vi.stubGlobal('WebSocket', WebSocket);
  vi.stubGlobal(
    'Worker',
    class extends FakeWorker {
      constructor() {
        super((call) => perform(call));
        workers.push(this);
      }
    },
  );
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  workers.length = 0;
  vi.unstubAllGlobals();
});

async function listen(): Promise<TinyEdge> {
  const tiny = await TinyEdge.listen();
  tiny.script([3, 4]);
  cleanups.push(() => tiny.close());
  return tiny;
}

async function connected(address: EdgeAddress | readonly EdgeAddress[], share?: Session): Promise<Session> {
  const session = await connect(address, { model: 'tiny', device: 'wasm', policy: 'offload', ...(share && { share }) });
  cleanups.push(() => session.close());
  return session;
}

async function yOf(session: Session): Promise<number[]> {
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) });
  return Array.from(y?.data as Float32Array);
}

const feeds = () => ({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) });

const NOBODY = 'http://127.0.0.1:9/';

describe('the connection', () => {
  it('begins with the manifest, before the device is chosen', async () => {
    const tiny = await listen();
    perform = () => undefined;
    const connecting = connected(tiny.baseUrl);
    await expect.poll(() => tiny.ws.connections).toBe(1);
    await tiny.ws.until(() => tiny.asked.includes('/v1/models/tiny/manifest'));
    expect(workers.flatMap(({ calls }) => calls).filter(({ type }) => type !== 'probe')).toEqual([]);
    perform = tinyHead;
    for (const worker of workers) worker.answer(1, tinyHead({ type: 'probe' } as Call));
    expect(await yOf(await connecting)).toEqual([3, 4]);
  });

  it('has all inferences done by the edge while the device is not chosen', async () => {
    const tiny = await listen();
    perform = () => undefined;
    const session = await connected(tiny.baseUrl);
    expect(await yOf(session)).toEqual([3, 4]);
    expect(await yOf(session)).toEqual([3, 4]);
    expect(session.device).toBeUndefined();
  });

  it('is there where nothing can run heads, and the app is told so', async () => {
    const tiny = await listen();
    perform = () => ({ error: 'no WebAssembly here' });
    const warnings: CutpointError[] = [];
    const onWarning = (warning: CutpointError) => warnings.push(warning);
    const session = await connect(tiny.baseUrl, { model: 'tiny', device: 'wasm', onWarning });
    cleanups.push(() => session.close());
    expect(await yOf(session)).toEqual([3, 4]);
    await expect.poll(() => warnings.map(({ code }) => code)).toEqual(['runtime_failed']);
    expect(warnings[0]?.message).toMatch(/Nothing runs heads.*no WebAssembly here/);
    await expect(
      session.run({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) }, { cut: 1 }),
    ).rejects.toMatchObject({
      code: 'runtime_failed',
    });
    expect(tiny.asked.filter((path) => path.startsWith('/v1/packs/'))).toEqual([]);
  });
});

describe('a list of edges', () => {
  it('is gone through in its order until one serves the model', async () => {
    const [other, tiny] = [await listen(), await listen()];
    const session = await connected([NOBODY, tiny.baseUrl, other.baseUrl.href]);
    expect(session.edgeUrl).toBe(tiny.baseUrl.href);
    expect(await yOf(session)).toEqual([3, 4]);
    expect(other.ws.connections).toBe(0);
  });

  it('is joined by a session that names the same one', async () => {
    const tiny = await listen();
    const first = await connected([NOBODY, tiny.baseUrl]);
    await yOf(first);
    const { connections } = tiny.ws;
    const second = await connected([NOBODY, tiny.baseUrl], first);
    expect(await yOf(second)).toEqual([3, 4]);
    expect(tiny.ws.connections).toBe(connections);
    await yOf(await connected(tiny.baseUrl, first));
    expect(tiny.ws.connections).toBe(connections + 1);
  });

  it('says what is wrong with each where none serves it', async () => {
    const tiny = await listen();
    const failing = connect([NOBODY, tiny.baseUrl], { model: 'nonesuch', device: 'wasm' });
    await expect(failing).rejects.toMatchObject({
      code: 'unknown_model',
      message: expect.stringMatching(/did not answer at http:\/\/127\.0\.0\.1:9\/.*no model "nonesuch"/),
    });
    await expect(connect([NOBODY], { model: 'tiny', device: 'wasm' })).rejects.toMatchObject({
      code: 'edge_unreachable',
    });
  });

  it('must not be empty', async () => {
    await expect(connect([], { model: 'tiny' })).rejects.toBeInstanceOf(TypeError);
  });
});

describe('what onnxruntime takes after the feeds', () => {
  it('names the outputs that are given, or holds tensors to put them into', async () => {
    const session = await connected((await listen()).baseUrl);
    const y = new Tensor('float32', new Float32Array(2), [2]);
    expect(Object.keys(await session.run(feeds(), ['y']))).toEqual(['y']);
    expect((await session.run(feeds(), { y: null }, { cut: 0 })).y?.data).toEqual(Float32Array.of(3, 4));
    expect((await session.run(feeds(), { y })).y).toBe(y);
    expect(y.data).toEqual(Float32Array.of(3, 4));
  });

  it('may be options alone, or nothing', async () => {
    const session = await connected((await listen()).baseUrl);
    const traces: Trace[] = [];
    session.on('trace', (trace) => traces.push(trace));
    await session.run(feeds(), { cut: 2 });
    await session.run(feeds(), {});
    await session.run(feeds(), ['y'], { cut: 2 });
    expect(traces.map(({ cut }) => cut)).toEqual([2, 0, 2]);
  });

  it('may name a span of the app, for what the edge does whole and for what is decided', async () => {
    const tiny = await listen();
    const session = await connected(tiny.baseUrl);
    const traces: Trace[] = [];
    session.on('trace', (trace) => traces.push(trace));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await session.run(feeds(), { traceparent });
    await session.ready();
    await session.run(feeds(), ['y'], { traceparent, cut: 1 });
    expect(traces.map(({ plan, cut }) => [plan === undefined, cut])).toEqual([
      [true, 0],
      [false, 1],
    ]);
    const sent = tiny.ws.messages.filter((message) => message.type === 'infer');
    expect([...sent, ...traces].map((each) => each.traceparent)).toEqual(Array(4).fill(traceparent));
  });

  it.each([
    ['a name that is no output', ['y', 'z'], /"z" is no output of this model; the outputs are "y"/],
    ['an object with such a name', { z: null }, /"z" is no output/],
    ['no name at all', [], /No output is asked for/],
    ['a tensor of other dimensions', { y: new Tensor('float32', new Float32Array(3), [3]) }, /not float32 \[2\]/],
    ['a tensor of another type', { y: new Tensor('int32', new Int32Array(2), [2]) }, /not float32 \[2\]/],
  ])('is refused with %s', async (_what, fetches, message) => {
    const session = await connected((await listen()).baseUrl);
    await expect(session.run(feeds(), fetches)).rejects.toMatchObject({ code: 'bad_fetches', message });
  });

  it('comes with a `release`, which ends the session', async () => {
    const session = await connected((await listen()).baseUrl);
    await session.release();
    expect(session.state).toBe('closed');
    await expect(session.run(feeds())).rejects.toMatchObject({ code: 'closed' });
  });
});
