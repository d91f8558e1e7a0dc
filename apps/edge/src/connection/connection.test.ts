import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoadFactors } from '@cutpoint/partition';
import { chunksOf, encodeTensors, PayloadAssembler } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { echoModel, slowModel, tinyModel } from '../testing/tiny-models.js';
import { Outbox } from './outbox.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-connection-'));
const MAX_REQUEST_BYTES = 1_000_000;
let tiny: PreparedModel;
let slow: PreparedModel;
let large: PreparedModel;
let tooLarge: PreparedModel;
let catalog: MemoryCatalog;
let server: RunningServer;
let client: TestClient;

const start = async (more: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  await startServer({
    catalog,
    port: 0,
    workers: 1,
    maxQueue: 2,
    maxInFlight: 6,
    maxRequestBytes: MAX_REQUEST_BYTES,
    uploadIdleMs: 300,
    logLevel: 'silent',
    ...more,
  });

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  slow = slowModel(objectsDir);
  large = echoModel(objectsDir, 200_000, 'large');
  tooLarge = echoModel(objectsDir, 250_001, 'too-large');
  catalog = new MemoryCatalog(tiny, slow, large, tooLarge);
  catalog.set({ name: 'late', version: '1', description: '', status: 'preparing', reason: 'being prepared' });
  server = await start();
  await server.warmedUp();
});

afterAll(async () => {
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

afterEach(() => client.close());

const x = [1, 2, 3, 4];
const feeds = () => [bytes('mask', [0, 0, 0]), floats('x', [1, 4], x)];
const tableOf = (model: PreparedModel) => [...model.tables.keys()][0] ?? '';
const goodInfer = (id: number, more: object = {}) => {
  const { tensors, numBytes } = encodeTensors(feeds());
  return { type: 'infer', id, model: 'tiny', table: tableOf(tiny), cut: 0, tensors, numBytes, ...more };
};
const goodReserve = (id: number, more: object = {}) => ({
  type: 'reserve',
  id,
  model: 'tiny',
  table: tableOf(tiny),
  cut: 0,
  ...more,
});
const busy = (id: number) => client.infer(id, slow, 0, [floats('x', [1], [0])]);

/** Vitest compares large arrays element by element, which takes seconds. */
const sameBytes = (a: ArrayBufferView | undefined, b: ArrayBufferView) =>
  a !== undefined && Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer));

/** The edge works as if nothing had happened. */
async function expectAlive(): Promise<void> {
  const other = await TestClient.open(server.url);
  other.infer(1, tiny, 0, feeds());
  expect((await other.result(1)).outputs.y).toEqual(new Float32Array([1, 4, 9, 16]));
  other.close();
}

const frame = (id: number, offset: number, length: number, more: { says?: number; kind?: number } = {}) => {
  const bytes = new Uint8Array(16 + length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, more.kind ?? 1);
  view.setUint32(4, id, true);
  view.setUint32(8, offset, true);
  view.setUint32(12, more.says ?? length, true);
  return bytes;
};

describe('a connection ends, and nothing else does, after', () => {
  const cases: [string, () => void, string | undefined, number][] = [
    ['text that is no JSON', () => client.socket.send('{'), 'bad_json', 1002],
    ['a message of no known type', () => client.send({ type: 'hello' }), 'bad_message', 1002],
    ['an infer without its fields', () => client.send({ type: 'infer', id: 1 }), 'bad_message', 1002],
    ['a frame without a header', () => client.socket.send(new Uint8Array(3)), 'bad_frame', 1002],
    ['an empty frame', () => client.socket.send(new Uint8Array(0)), 'bad_frame', 1002],
    ['a frame of unknown kind', () => client.socket.send(frame(1, 0, 4, { kind: 9 })), 'bad_frame', 1002],
    ['a frame that says more than it has', () => client.socket.send(frame(1, 0, 4, { says: 1e9 })), 'bad_frame', 1002],
    ['a frame that says less than it has', () => client.socket.send(frame(1, 0, 4, { says: 3 })), 'bad_frame', 1002],
    ['a chunk of nothing that was announced', () => client.socket.send(frame(77, 0, 4)), 'unknown_id', 1002],
    ['a frame above 64 KiB', () => client.socket.send(new Uint8Array(65_537)), 'frame_too_large', 1009],
    ['text above 64 KiB', () => client.socket.send(' '.repeat(65_537)), 'frame_too_large', 1009],
    ['a frame of a MB', () => client.socket.send(new Uint8Array(1_000_000)), undefined, 1009],
    ['a probe above 64 KiB', () => client.send({ type: 'probe', id: 1, numBytes: 65_537 }), 'bad_message', 1002],
    ['a probe of nothing', () => client.send({ type: 'probe', id: 1, numBytes: 0 }), 'bad_message', 1002],
    [
      'a probe with more bytes than announced',
      () => {
        client.send({ type: 'probe', id: 1, numBytes: 4 });
        client.socket.send(frame(1, 0, 5));
      },
      'bad_offset',
      1002,
    ],
    [
      'a probe with the id of a request',
      () => {
        client.send(goodInfer(1));
        client.send({ type: 'probe', id: 1, numBytes: 4 });
      },
      'duplicate_id',
      1008,
    ],
    [
      'a chunk that does not begin at 0',
      () => {
        client.send(goodInfer(1));
        client.socket.send(frame(1, 1, 4));
      },
      'bad_offset',
      1002,
    ],
    [
      'a chunk that goes past the announced end',
      () => {
        client.send(goodInfer(1));
        client.socket.send(frame(1, 0, 20));
      },
      'bad_offset',
      1002,
    ],
    [
      'a chunk that comes twice',
      () => {
        client.send(goodInfer(1));
        client.socket.send(frame(1, 0, 4));
        client.socket.send(frame(1, 0, 4));
      },
      'bad_offset',
      1002,
    ],
    [
      'an id that is in flight already',
      () => {
        client.send(goodInfer(1));
        client.send(goodInfer(1));
      },
      'duplicate_id',
      1008,
    ],
    [
      'a reservation with the id of a request',
      () => {
        client.send(goodInfer(1));
        client.send(goodReserve(1));
      },
      'duplicate_id',
      1008,
    ],
    [
      'a reservation that comes twice',
      () => {
        client.send(goodReserve(1));
        client.send(goodReserve(1));
      },
      'duplicate_id',
      1008,
    ],
    [
      'a probe with the id of a reservation',
      () => {
        client.send(goodReserve(1));
        client.send({ type: 'probe', id: 1, numBytes: 4 });
      },
      'duplicate_id',
      1008,
    ],
    [
      'a request with an id whose reservation was used already',
      () => {
        client.send(goodReserve(1));
        client.send(goodInfer(1));
        client.send(goodInfer(1));
      },
      'duplicate_id',
      1008,
    ],
    [
      'a chunk of what is only reserved',
      () => {
        client.send(goodReserve(1));
        client.socket.send(frame(1, 0, 4));
      },
      'unknown_id',
      1002,
    ],
    [
      'a reservation without its fields',
      () => client.send({ type: 'reserve', id: 1, model: 'tiny' }),
      'bad_message',
      1002,
    ],
    [
      'a chunk after the payload was whole',
      () => {
        busy(1);
        client.socket.send(frame(1, 4, 4));
      },
      'bad_offset',
      1002,
    ],
  ];

  it.each(cases)('%s', async (_, misbehave, code, closeCode) => {
    client = await TestClient.open(server.url);
    misbehave();
    expect(await client.end()).toEqual({ code, closeCode });
    await expectAlive();
  });

  it('a WebSocket frame that is none', async () => {
    client = await TestClient.open(server.url);
    const raw: unknown = Reflect.get(client.socket, '_socket');
    (raw as NodeJS.WritableStream).write(Buffer.from([0xff, 0xff, 0xff]));
    expect((await client.end()).closeCode).toBe(1002);
    await expectAlive();
  });
});

describe('a request is refused, and its connection goes on, when', () => {
  const { tensors, numBytes } = encodeTensors(feeds());
  const [mask, input] = tensors;
  const cases: [string, object, string][] = [
    ['the model is unknown', { model: 'nothing' }, 'unknown_model'],
    ['the model has the name of something every object has', { model: 'constructor' }, 'unknown_model'],
    ['the model is not ready', { model: 'late' }, 'model_not_ready'],
    ['the table is another one', { table: 'f'.repeat(64) }, 'stale_manifest'],
    ['the cut is not listed', { cut: 2 }, 'unknown_cut'],
    ['the cut is the local one', { cut: 4, tensors: [], numBytes: 0 }, 'unknown_cut'],
    ['a tensor is missing', { tensors: [mask], numBytes: mask?.numBytes }, 'bad_tensors'],
    ['tensors are in another order', { tensors: [input, mask] }, 'bad_tensors'],
    ['a tensor has another name', { tensors: [mask, { ...input, name: 'w' }] }, 'bad_tensors'],
    ['a tensor has another type', { tensors: [mask, { ...input, type: 'int32' }] }, 'bad_tensors'],
    ['a tensor has another shape', { tensors: [mask, { ...input, dims: [4, 1] }] }, 'bad_tensors'],
    ['a tensor lies about its size', { tensors: [mask, { ...input, numBytes: 8 }], numBytes: 11 }, 'bad_tensors'],
    ['the sum is wrong', { numBytes: numBytes + 1 }, 'bad_tensors'],
    ['it says that it is enormous', { numBytes: 2 ** 40 }, 'too_large'],
    ['its tensor is enormous', { tensors: [{ ...input, dims: [2 ** 40], numBytes: 2 ** 42 }] }, 'bad_tensors'],
  ];

  it.each(cases)('%s', async (_, more, code) => {
    client = await TestClient.open(server.url);
    client.send(goodInfer(5, more));
    expect(await client.errorOf(5)).toBe(code);
    client.infer(6, tiny, 0, feeds());
    await client.result(6);
  });

  it('the tensors of its cut are above the limit', async () => {
    client = await TestClient.open(server.url);
    const data = new Float32Array(250_001);
    client.infer(1, tooLarge, 0, [{ name: 'x', type: 'float32', dims: [250_001], data }]);
    expect(await client.errorOf(1)).toBe('too_large');
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
  });

  it('too many are unanswered', async () => {
    client = await TestClient.open(server.url);
    for (let id = 1; id <= 7; id += 1) client.infer(id, tiny, 0, feeds(), { withoutPayload: true });
    expect(await client.errorOf(7)).toBe('too_many_in_flight');
  });

  it('its client has its share of the memory, and other clients still have theirs', async () => {
    const small = await start({ maxUploadBytes: 3_000_000, trustProxy: ['127.0.0.1'] });
    client = await TestClient.open(small.url);
    const other = await TestClient.open(small.url, { headers: { 'x-forwarded-for': '198.51.100.1' } });
    const picture = [{ name: 'x', type: 'float32' as const, dims: [200_000], data: new Float32Array(200_000) }];
    for (const id of [1, 2]) client.infer(id, large, 0, picture, { withoutPayload: true });
    expect(await client.errorOf(2)).toBe('too_many_in_flight');
    other.infer(1, large, 0, picture);
    await other.result(1);
    other.close();
    await small.stop();
  });

  it('the queue is full: at once, with the load and when to try again', async () => {
    client = await TestClient.open(server.url);
    for (const id of [1, 2, 3]) busy(id);
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(2));
    const askedAtMs = performance.now();
    busy(4);
    const answer = await client.answer(4);
    expect(performance.now() - askedAtMs, 'while a tail of some hundred ms runs').toBeLessThan(50);
    expect(answer).toMatchObject({ retryAfterMs: 'load' in answer ? answer.load?.queueMs : undefined });
    expect(answer).toMatchObject({ code: 'overloaded', load: { inFlight: 1, queueDepth: 2 } });
    expect('load' in answer && (answer.load?.queueMs ?? 0)).toBeGreaterThan(100);
    for (const id of [1, 2, 3]) await client.result(id);
  });

  it('its deadline passes while it waits', async () => {
    client = await TestClient.open(server.url);
    client.infer(1, slow, 0, [floats('x', [1], [0])]);
    client.infer(2, tiny, 0, feeds(), { deadlineMs: 20 });
    expect(await client.errorOf(2)).toBe('deadline_exceeded');
    await client.result(1);
  });

  it('its deadline cannot be kept even by a worker that is free, before it costs anything', async () => {
    client = await TestClient.open(server.url);
    client.infer(1, slow, 0, [floats('x', [1], [0])], { deadlineMs: 20 });
    const refused = await client.answer(1);
    expect(refused).toMatchObject({ code: 'deadline_exceeded', load: { inFlight: 0, queueDepth: 0 } });
  });

  it('it names no deadline and waits for longer than the edge allows', async () => {
    const own = await start({ defaultDeadlineMs: 250 });
    await own.warmedUp();
    client = await TestClient.open(own.url);
    client.infer(1, slow, 0, [floats('x', [1], [0])]);
    client.infer(2, slow, 0, [floats('x', [1], [0])]);
    expect(await client.errorOf(2)).toBe('deadline_exceeded');
    await client.result(1);
    await own.stop();
  });

  it('its upload stops half way', async () => {
    client = await TestClient.open(server.url);
    client.send(goodInfer(1));
    client.socket.send(frame(1, 0, 4));
    expect(await client.errorOf(1)).toBe('upload_timeout');
    // What was still missing may come all the same, and is not mistaken for anything.
    client.socket.send(frame(1, 4, 15));
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
  });
});

describe('a probe', () => {
  const probed = async (id: number) =>
    await client.until(() => client.messages.find((message) => message.type === 'probed' && message.id === id));

  it('is offered, answered with its arrivals when it is whole, and kept nowhere', async () => {
    client = await TestClient.open(server.url);
    expect(client.messages[0]).toMatchObject({ type: 'welcome', limits: { maxProbeBytes: 65_536 } });
    client.send({ type: 'probe', id: 1, numBytes: 3_000 });
    for (const offset of [0, 1_000, 2_000]) client.socket.send(frame(1, offset, 1_000));
    const answer = await probed(1);
    expect(answer).toMatchObject({ arrivals: { chunks: 3, numBytes: 2_000 }, uploadMs: expect.any(Number) });
    expect(answer.type === 'probed' && answer.uploadMs >= answer.arrivals.spanMs).toBe(true);
    client.send({ type: 'probe', id: 1, numBytes: 5 });
    client.socket.send(frame(1, 0, 5));
    await client.until(() => client.messages.filter(({ type }) => type === 'probed')[1]);
  });

  it('comes one at a time, and does not get in the way of requests', async () => {
    client = await TestClient.open(server.url);
    client.send({ type: 'probe', id: 1, numBytes: 1_000 });
    client.send({ type: 'probe', id: 2, numBytes: 1_000 });
    expect(await client.errorOf(2)).toBe('too_many_in_flight');
    client.infer(3, tiny, 0, feeds());
    await client.result(3);
    client.socket.send(frame(2, 0, 1_000));
    client.socket.send(frame(1, 0, 1_000));
    await probed(1);
  });

  it('that does not come, or is cancelled, is answered and forgotten', async () => {
    client = await TestClient.open(server.url);
    client.send({ type: 'probe', id: 1, numBytes: 1_000 });
    expect(await client.errorOf(1)).toBe('upload_timeout');
    client.socket.send(frame(1, 0, 1_000));
    client.send({ type: 'probe', id: 2, numBytes: 1_000 });
    client.send({ type: 'cancel', id: 2 });
    expect(await client.errorOf(2)).toBe('cancelled');
    client.send({ type: 'probe', id: 3, numBytes: 1_000 });
    client.socket.send(frame(3, 0, 1_000));
    await probed(3);
  });
});

describe('a cancelled request', () => {
  it('leaves the queue, so that another takes its place', async () => {
    client = await TestClient.open(server.url);
    for (const id of [1, 2, 3]) busy(id);
    client.send({ type: 'cancel', id: 3 });
    expect(await client.errorOf(3)).toBe('cancelled');
    client.infer(4, tiny, 0, feeds());
    await client.result(4);
  });

  it('whose tail runs is answered at once, and only once', async () => {
    client = await TestClient.open(server.url);
    busy(1);
    await vi.waitFor(() => expect(server.load().inFlight).toBe(1));
    client.send({ type: 'cancel', id: 1 });
    expect(await client.errorOf(1)).toBe('cancelled');
    expect(server.load().inFlight).toBe(1);
    client.infer(2, tiny, 0, feeds());
    await client.result(2);
    expect(client.messages.filter((message) => 'id' in message && message.id === 1)).toHaveLength(1);
  });

  it('whose payload is on its way is forgotten, and its id may be used again', async () => {
    client = await TestClient.open(server.url);
    client.send(goodInfer(1));
    client.socket.send(frame(1, 0, 4));
    client.send({ type: 'cancel', id: 1 });
    expect(await client.errorOf(1)).toBe('cancelled');
    client.infer(1, tiny, 0, feeds());
    await client.until(() => client.messages.find(({ type }) => type === 'result'));
  });
});

describe('a client that vanishes', () => {
  it('in the middle of an upload, in the queue and while its tail runs leaves nothing behind', async () => {
    client = await TestClient.open(server.url);
    for (const id of [1, 2]) busy(id);
    client.send(goodInfer(3));
    client.socket.send(frame(3, 0, 4));
    const observer = await TestClient.open(server.url);
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(1));
    client.socket.terminate();
    await vi.waitFor(() => expect(server.load().queueDepth).toBe(0));
    observer.infer(1, tiny, 0, feeds());
    await observer.result(1);
    expect(server.load()).toMatchObject({ inFlight: 0, queueDepth: 0, queueMs: 0 });
    observer.close();
  });

  it('in the middle of a frame costs the others nothing', async () => {
    client = await TestClient.open(server.url);
    const observer = await TestClient.open(server.url);
    client.send(goodInfer(1));
    await vi.waitFor(() => expect(server.load().announcedMs).toBeGreaterThan(0));
    // A masked binary frame of 35 bytes, of which ten come.
    const raw: unknown = Reflect.get(client.socket, '_socket');
    (raw as NodeJS.WritableStream).write(Buffer.from([0x82, 0x80 | 35, 1, 2, 3, 4, 5, 6, 7, 8]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.terminate();
    await vi.waitFor(() => expect(server.load()).toMatchObject({ announcedMs: 0, clients: 1 }));
    observer.infer(1, tiny, 0, feeds());
    await observer.result(1);
    observer.close();
  });

  it('without a word is found by the heartbeat', async () => {
    const own = await start({ heartbeatMs: 100 });
    client = await TestClient.open(own.url);
    const silent = new WebSocket(`${own.url.replace('http', 'ws')}/v1/stream`, ['cutpoint.v1'], { autoPong: false });
    const [code] = await once(silent, 'close');
    expect(code).toBe(1006);
    expect(client.closed).toBeUndefined();
    await own.stop();
  });
});

describe('a client that does not read', () => {
  it('is no longer read itself, and loses nothing when it reads again', async () => {
    client = await TestClient.open(server.url);
    const data = Float32Array.from({ length: 200_000 }, (_, index) => index % 1000);
    const { tensors, parts, numBytes } = encodeTensors([{ name: 'x', type: 'float32', dims: [200_000], data }]);
    client.socket.pause();
    const total = 24;
    let sent = 0;
    // More than the sockets' buffers and the edge's own bound hold together.
    for (let id = 1; id <= total; id += 1) {
      client.send({ type: 'infer', id, model: 'large', table: tableOf(large), cut: 0, tensors, numBytes });
      for (const chunk of chunksOf(id, parts)) client.socket.send(chunk);
      sent += numBytes;
      await new Promise((resolve) => setTimeout(resolve, 30));
      // On a slow machine they would be refused for want of room, which leaves little to read.
      await vi.waitFor(() => expect(server.load()).toMatchObject({ inFlight: 0, queueDepth: 0 }), 10_000);
    }
    expect(client.socket.bufferedAmount).toBeGreaterThan(0);
    expect(client.socket.bufferedAmount).toBeLessThan(sent);
    client.socket.resume();
    for (let id = 1; id <= total; id += 1) {
      const answer = await client.answer(id);
      if ('outputs' in answer) expect(sameBytes(answer.outputs.y, data)).toBe(true);
      else expect(['overloaded', 'too_many_in_flight']).toContain(answer.code);
    }
  });
});

describe('a worker', () => {
  it('that is gone is replaced before the next request needs it', async () => {
    client = await TestClient.open(server.url);
    await server.dispatcher.threads[0]?.terminate();
    client.infer(2, tiny, 0, feeds());
    expect((await client.result(2)).outputs.y).toEqual(new Float32Array([1, 4, 9, 16]));
  });
});

describe('a defect of the edge', () => {
  const fail = () => {
    throw new Error('on purpose');
  };
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['while what ran is counted', () => vi.spyOn(LoadFactors.prototype, 'observe').mockImplementationOnce(fail)],
    [
      'while it is answered',
      () => vi.spyOn(PayloadAssembler.prototype, 'arrivals', 'get').mockImplementationOnce(fail),
    ],
  ])('%s is told as a tail that failed, and the connection goes on', async (_, breakIt) => {
    client = await TestClient.open(server.url);
    client.infer(1, tiny, 0, feeds());
    await client.result(1);
    breakIt();
    client.infer(2, tiny, 0, feeds());
    expect(await client.errorOf(2)).toBe('tail_failed');
    client.infer(3, tiny, 0, feeds());
    await client.result(3);
  });

  it('in the middle of an answer ends the connection, and no other', async () => {
    client = await TestClient.open(server.url);
    vi.spyOn(Outbox.prototype, 'result').mockImplementationOnce(fail);
    client.infer(1, tiny, 0, feeds());
    expect(await client.end()).toMatchObject({ closeCode: 1011 });
    await expectAlive();
  });
});

describe('a wall clock that is set', () => {
  it.each([-3_600_000, 3_600_000])('by %d ms ends no upload, no deadline and no wait', async (stepMs) => {
    client = await TestClient.open(server.url);
    client.infer(1, slow, 0, [floats('x', [1], [0])], { deadlineMs: 5_000 });
    client.infer(2, tiny, 0, feeds(), { deadlineMs: 5_000 });
    client.send(goodInfer(3));
    const wallMs = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => wallMs + stepMs);
    try {
      // The edge looks for idle uploads every 150 ms here.
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.socket.send(frame(3, 0, 19));
      for (const id of [1, 2, 3]) await client.result(id);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('load reports', () => {
  it('say how busy the workers are, how long work waits, and who listens', async () => {
    const own = await start();
    await own.warmedUp();
    client = await TestClient.open(own.url);
    expect(own.load()).toMatchObject({ busy: 0, residualMs: 0, announcedMs: 0 });
    for (const id of [1, 2]) busy(id);
    const { timings, load } = (await client.result(2)).message;
    // Two tails, over 1 s / ln 2; a report is of that moment, and the first tail a little older.
    const serviceMs = timings.totalMs - timings.queueMs;
    expect(load.busy).toBeGreaterThan((serviceMs * Math.LN2) / 1_000);
    expect((load.residualMs ?? 0) / (load.busy ?? 1)).toBeGreaterThan(serviceMs / 3);
    expect((load.residualMs ?? 0) / (load.busy ?? 1)).toBeLessThan(serviceMs);
    expect(load.kWithQueue?.slow).toBeGreaterThan(load.k.slow ?? 99);
    expect(load.kWithQueue?.tiny).toBeDefined();
    expect(load.clients).toBe(1);
    await own.stop();
  });

  it('are pushed to clients that send nothing', async () => {
    client = await TestClient.open(server.url);
    const local = await TestClient.open(server.url);
    for (const id of [1, 2, 3]) busy(id);
    await local.until(() => local.messages.find((message) => message.type === 'load' && message.load.queueDepth > 0));
    await client.result(3);
    await local.until(() => (local.messages.at(-1)?.type === 'load' && server.load().queueDepth === 0) || undefined);
    local.close();
  });

  it('go on to follow k when nobody sends anything, because of the canary', async () => {
    const own = await start();
    await own.warmedUp();
    client = await TestClient.open(own.url);
    client.infer(1, tiny, 0, feeds());
    const { message } = await client.result(1);
    // Its tail takes far less than the profile says, so every run takes k down by a good part; one alone leaves 0.7.
    expect(message.load.k.tiny).toBeGreaterThanOrEqual(0.69);
    await client.until(() =>
      client.messages.find(({ type, ...rest }) => type === 'load' && 'load' in rest && (rest.load?.k.tiny ?? 1) < 0.5),
    );
    expect(own.load()).toMatchObject({ queueDepth: 0, inFlight: 0 });
    await own.stop();
  });

  it('come with the welcome, with each reply, and by themselves when the queue changes', async () => {
    client = await TestClient.open(server.url);
    expect(client.messages[0]).toMatchObject({
      type: 'welcome',
      limits: { maxInFlight: 6, maxRequestBytes: MAX_REQUEST_BYTES },
      load: { workers: 1, k: { tiny: expect.any(Number), slow: expect.any(Number) } },
    });
    for (const id of [1, 2, 3]) busy(id);
    const pushed = await client.until(() =>
      client.messages.find((message) => message.type === 'load' && message.load.queueDepth > 0),
    );
    expect(pushed).toMatchObject({ load: { queueDepth: expect.any(Number), inFlight: 1 } });
    await client.result(3);
  });
});
