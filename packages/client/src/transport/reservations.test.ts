import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '../testing/manual-clock.js';
import { WsEdge } from '../testing/ws-edge.js';
import { FIRST_RETRY_MS } from './backoff.js';
import { EdgeConnection } from './connection.js';
import { HEARTBEAT_MS } from './heartbeat.js';
import type { TailRequest } from './requests.js';
import type { SocketConstructor } from './socket.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TAIL = { model: 'm', table: 'a'.repeat(64), cut: 3 };

async function online(maxInFlight?: number) {
  const edge = await WsEdge.listen(maxInFlight);
  cleanups.push(() => edge.close());
  const clock = new ManualClock();
  // The same interface with wider listener types.
  const socket = WebSocket as unknown as SocketConstructor;
  const connection = new EdgeConnection({ url: edge.url, clock, random: () => 1, WebSocket: socket });
  cleanups.push(() => connection.close());
  connection.open();
  await connection.whenOnline(5_000);
  const reserve = () => connection.reserve(TAIL) ?? expect.fail('no room');
  /** The edge has read everything that was sent before. */
  const heard = async () => {
    // Chunks and messages come in order, and the bytes of a probe are not looked at.
    await connection.probe(1);
  };
  return { edge, clock, connection, reserve, heard };
}

const request = (more: Partial<TailRequest> = {}): TailRequest => ({
  ...TAIL,
  tensors: [{ name: 'x', type: 'float32', dims: [8], codec: 'raw', numBytes: 32 }],
  parts: [new Uint8Array(32)],
  numBytes: 32,
  ...more,
});

const whole = (edge: WsEdge, id: number) => () => edge.received.get(id)?.payload.complete === true;
/** What was said of requests, without what they say of themselves. */
const said = (edge: WsEdge) =>
  edge.messages
    .filter(({ type }) => type === 'reserve' || type === 'infer' || type === 'cancel')
    .map(({ type, id }) => `${type} ${id}`);

describe('a reservation', () => {
  it('is told to the edge at once, and the request of its tail takes over its id', async () => {
    const { edge, connection, reserve } = await online();
    const [first, second] = [reserve(), reserve()];
    expect([first.id, second.id]).toEqual([1, 2]);
    await edge.until(() => said(edge).length === 2);
    expect(edge.messages.find(({ type }) => type === 'reserve')).toEqual({ type: 'reserve', id: 1, ...TAIL });
    const replies = [second, first].map((reservation) => connection.request(request({ reservation })));
    await edge.until(whole(edge, 1));
    for (const id of [1, 2]) edge.reply(id, [id]);
    expect((await Promise.all(replies)).map(({ numBytes }) => numBytes)).toEqual([4, 4]);
    // Nothing is left to give back.
    for (const reservation of [first, second]) reservation.release();
    const last = connection.request(request({ reservation: first }));
    await edge.until(whole(edge, 3));
    edge.reply(3, [3]);
    await last;
    expect(said(edge)).toEqual(['reserve 1', 'reserve 2', 'infer 2', 'infer 1', 'infer 3']);
  });

  it('that no request takes over is given back, once', async () => {
    const { edge, reserve, heard, connection } = await online();
    const reservation = reserve();
    reservation.release();
    reservation.release();
    await heard();
    expect(said(edge)).toEqual(['reserve 1', 'cancel 1']);
    expect(connection.isIdle).toBe(true);
  });

  it('is refused here without room, and a request goes without it', async () => {
    const { edge, connection, reserve } = await online(2);
    reserve();
    const replying = connection.request(request());
    expect(connection.reserve(TAIL)).toBeUndefined();
    await edge.until(whole(edge, 2));
    edge.reply(2, [1]);
    await replying;
    const second = reserve();
    expect(connection.reserve(TAIL)).toBeUndefined();
    second.release();
    reserve();
    connection.close();
    expect(connection.reserve(TAIL), 'nor offline').toBeUndefined();
  });

  it('is refused while requests are held, and its own request goes before those', async () => {
    const { edge, connection, reserve } = await online(2);
    const reservation = reserve();
    const replies = [2, 3, 4].map(() => connection.request(request()));
    await edge.until(whole(edge, 3));
    expect(connection.reserve(TAIL)).toBeUndefined();
    const reserved = connection.request(request({ reservation }));
    edge.reply(2, [2]);
    await edge.until(whole(edge, 1));
    expect(edge.received.has(4)).toBe(false);
    edge.reply(1, [1]);
    await reserved;
    await edge.until(whole(edge, 4));
    for (const id of [3, 4]) edge.reply(id, [id]);
    await Promise.all(replies);
    expect(said(edge)).toEqual(['reserve 1', 'infer 2', 'infer 3', 'infer 1', 'infer 4']);
  });

  it('serves one request only', async () => {
    const { edge, connection, reserve } = await online(1);
    const reservation = reserve();
    const other = connection.request(request());
    const replies = [0, 1].map(() => connection.request(request({ reservation })));
    for (const id of [2, 1, 3]) {
      await edge.until(whole(edge, id));
      edge.reply(id, [id]);
    }
    await Promise.all([other, ...replies]);
    expect(said(edge)).toEqual(['reserve 1', 'infer 2', 'infer 1', 'infer 3']);
  });

  it('is given back when its request is aborted or late before it was sent', async () => {
    const { edge, connection, reserve, clock, heard } = await online(2);
    const reservations = [reserve(), reserve()];
    const others = [connection.request(request()), connection.request(request())];
    const abort = new AbortController();
    const aborted = connection.request(request({ reservation: reservations[0], signal: abort.signal }));
    const late = connection.request(request({ reservation: reservations[1], deadlineMs: 100 }));
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    const caught = expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    clock.advance(100);
    await caught;
    await edge.until(whole(edge, 4));
    for (const id of [3, 4]) edge.reply(id, [id]);
    await Promise.all(others);
    await heard();
    expect(said(edge)).toEqual(['reserve 1', 'reserve 2', 'infer 3', 'infer 4', 'cancel 1', 'cancel 2']);
    expect(connection.isIdle).toBe(true);
  });

  it('is cancelled once with a request that was sent', async () => {
    const { edge, connection, reserve, heard } = await online();
    const abort = new AbortController();
    const reservation = reserve();
    const aborted = connection.request(request({ reservation, signal: abort.signal }));
    await edge.until(whole(edge, 1));
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    reservation.release();
    await heard();
    expect(said(edge)).toEqual(['reserve 1', 'infer 1', 'cancel 1']);
  });

  it('of a socket that is gone is as good as none', async () => {
    const { edge, connection, reserve, clock, heard } = await online();
    const old = reserve();
    await heard();
    const gone = new Promise<void>((resolve) => {
      connection.events.on('state', () => resolve());
    });
    edge.socket?.terminate();
    await gone;
    clock.advance(FIRST_RETRY_MS);
    await connection.whenOnline(5_000);
    const present = reserve();
    expect(present.id).toBe(old.id);
    await heard();
    const replying = connection.request(request({ reservation: old }));
    await edge.until(whole(edge, 3));
    edge.reply(3, [3]);
    await replying;
    old.release();
    await heard();
    expect(said(edge)).toEqual(['reserve 1', 'reserve 1', 'infer 3']);
    present.release();
    await heard();
    expect(said(edge).at(-1)).toBe('cancel 1');
  });
});

describe('while something is reserved', () => {
  const load = { atMs: 0, queueDepth: 1, inFlight: 1, workers: 1, k: {}, cpuUtilisation: 0, gpuUtilisation: null };

  it('neither the queue nor what is announced is believed of a report that is pushed', async () => {
    const { edge, connection, reserve } = await online();
    const queues: unknown[] = [];
    connection.events.on('queue', ({ queueMs, announcedMs }) => queues.push({ queueMs, announcedMs }));
    const push = async (queueMs: number) => {
      const seen = new Promise<void>((resolve) => {
        const stop = connection.events.on('load', () => {
          stop();
          resolve();
        });
      });
      edge.send({ type: 'load', load: { ...load, queueMs, announcedMs: 7 } });
      await seen;
    };
    const reservation = reserve();
    expect(connection.isIdle).toBe(false);
    await push(10);
    reservation.release();
    expect(connection.isIdle).toBe(true);
    await push(20);
    expect(queues).toEqual([{ queueMs: 20, announcedMs: 7 }]);
  });

  it('the round trip is still measured, and the silence before the upload is that since the last one', async () => {
    const { edge, connection, reserve, clock } = await online();
    const roundTrips: number[] = [];
    connection.events.on('roundTrip', (ms) => roundTrips.push(ms));
    const exchange = async (id: number, waitMs: number) => {
      const reservation = reserve();
      clock.advance(waitMs);
      const replying = connection.request(request({ reservation }));
      await edge.until(whole(edge, id));
      clock.advance(40);
      edge.reply(id, [1]);
      return await replying;
    };
    expect(await exchange(1, 100)).toMatchObject({ upIdleMs: Number.POSITIVE_INFINITY, wasAlone: true });
    clock.advance(200);
    // The edge says that it had the upload 5 ms before it answered.
    expect(await exchange(2, 100)).toMatchObject({ upIdleMs: 305, wasAlone: true });
    const reservation = reserve();
    const count = roundTrips.length;
    clock.advance(HEARTBEAT_MS);
    while (roundTrips.length === count) await new Promise((resolve) => setImmediate(resolve));
    reservation.release();
  });
});

describe('a tail of this page', () => {
  it('is told with the time that it kept a worker, before the report that counts it', async () => {
    const { edge, connection } = await online();
    const told: string[] = [];
    connection.events.on('ownTailMs', (ms) => told.push(`own ${ms}`));
    connection.events.on('load', () => told.push('load'));
    const replying = connection.request(request());
    await edge.until(whole(edge, 1));
    edge.reply(1, [1]);
    await replying;
    expect(told).toEqual(['own 3', 'load']);
  });
});
