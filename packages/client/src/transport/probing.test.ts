import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '../testing/manual-clock.js';
import { WsEdge } from '../testing/ws-edge.js';
import { EdgeConnection } from './connection.js';
import { HEARTBEAT_MS } from './heartbeat.js';
import type { TailRequest } from './requests.js';
import type { SocketConstructor } from './socket.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function online(more: { readonly maxProbeBytes?: undefined } = {}) {
  const edge = await WsEdge.listen();
  cleanups.push(() => edge.close());
  if ('maxProbeBytes' in more) edge.limits = { maxInFlight: 4, maxRequestBytes: 1_000_000 };
  const clock = new ManualClock();
  // The same interface with wider listener types.
  const socket = WebSocket as unknown as SocketConstructor;
  const connection = new EdgeConnection({ url: edge.url, clock, random: () => 1, WebSocket: socket });
  cleanups.push(() => connection.close());
  const roundTrips: number[] = [];
  connection.events.on('roundTrip', (ms) => roundTrips.push(ms));
  connection.open();
  await connection.whenOnline(5_000);
  return { edge, clock, connection, roundTrips };
}

const request = (more: Partial<TailRequest> = {}): TailRequest => ({
  model: 'm',
  table: 'a'.repeat(64),
  cut: 3,
  tensors: [{ name: 'x', type: 'float32', dims: [8], codec: 'raw', numBytes: 32 }],
  parts: [new Uint8Array(32)],
  numBytes: 32,
  ...more,
});

const whole = (edge: WsEdge, id: number) => () => edge.received.get(id)?.payload.complete === true;

describe('a probe', () => {
  it('sends its bytes in several chunks and gives back when they arrived', async () => {
    const { connection } = await online();
    expect(connection).toMatchObject({ isIdle: true, maxProbeBytes: 65_536 });
    const probing = connection.probe(4096);
    expect(connection.isIdle).toBe(false);
    const { arrivals, roundTripMs } = await probing;
    expect(arrivals).toMatchObject({ chunks: 4, numBytes: 3072 });
    expect(roundTripMs).toBe(0);
    expect(connection.isIdle).toBe(true);
  });

  it('tells the round trip without the upload, and none when a request went out meanwhile', async () => {
    const { edge, connection, clock } = await online();
    edge.answersProbes = false;
    const answer = { uploadMs: 30, arrivals: { chunks: 4, numBytes: 3072, spanMs: 25 } };
    const alone = connection.probe(4096);
    await edge.until(() => edge.probes.get(1)?.complete === true);
    clock.advance(50);
    edge.send({ type: 'probed', id: 1, ...answer });
    expect(await alone).toEqual({ arrivals: answer.arrivals, roundTripMs: 20 });

    const probing = connection.probe(4096);
    const replying = connection.request(request());
    await edge.until(whole(edge, 3));
    edge.send({ type: 'probed', id: 2, ...answer });
    edge.reply(3, [1]);
    expect((await probing).roundTripMs).toBeUndefined();
    expect((await replying).wasAlone).toBe(false);
  });

  it('is not sent to an edge that knows none, nor offline', async () => {
    const { edge, connection } = await online({ maxProbeBytes: undefined });
    expect(connection.maxProbeBytes).toBe(0);
    await expect(connection.probe(100)).rejects.toMatchObject({ code: 'edge_error', edgeCode: 'too_large' });
    expect(edge.messages.some(({ type }) => type === 'probe')).toBe(false);
    connection.close();
    await expect(connection.probe(100)).rejects.toMatchObject({ code: 'edge_unreachable' });
  });

  it('that is aborted, refused, late or cut off is over, and the connection goes on', async () => {
    const { edge, connection, clock } = await online();
    edge.answersProbes = false;
    const abort = new AbortController();
    const aborted = connection.probe(100, abort.signal);
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    await edge.until(() => edge.messages.some(({ type }) => type === 'cancel'));
    const refused = connection.probe(100);
    edge.send({ type: 'error', id: 2, code: 'too_many_in_flight', message: 'one at a time' });
    await expect(refused).rejects.toMatchObject({ edgeCode: 'too_many_in_flight' });
    const late = connection.probe(100);
    const caught = expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    clock.advance(10_000);
    await caught;
    // Late answers are nobody's.
    edge.send({ type: 'probed', id: 3, uploadMs: 1, arrivals: { chunks: 1, numBytes: 0, spanMs: 0 } });
    edge.answersProbes = true;
    expect((await connection.probe(100)).arrivals.chunks).toBe(1);
    edge.answersProbes = false;
    const cut = expect(connection.probe(100)).rejects.toMatchObject({ code: 'edge_unreachable' });
    edge.socket?.terminate();
    await cut;
  });
});

describe('the silence before a transfer', () => {
  it('is infinite on a new connection, then the time since the last one, which pings and probes do not end', async () => {
    const { edge, connection, clock } = await online();
    const exchange = async (id: number, idleMs: number, more: Partial<TailRequest> = {}) => {
      clock.advance(idleMs);
      const replying = connection.request(request(more));
      await edge.until(whole(edge, id));
      clock.advance(40);
      edge.reply(id, [1]);
      return await replying;
    };
    expect(await exchange(1, 1_000)).toMatchObject({
      upIdleMs: Number.POSITIVE_INFINITY,
      downIdleMs: Number.POSITIVE_INFINITY,
    });
    // The edge says that it had the upload 5 ms before it answered.
    expect(await exchange(2, 300)).toMatchObject({ upIdleMs: 305, downIdleMs: 340 });
    await connection.probe(4096);
    expect(await exchange(4, 100)).toMatchObject({ upIdleMs: 105, downIdleMs: 140 });
  });

  it('is not claimed of an upload that may have followed another at once', async () => {
    const { edge, connection } = await online();
    const replies = [connection.request(request()), connection.request(request())];
    await edge.until(whole(edge, 2));
    edge.reply(1, [1]);
    edge.reply(2, [1]);
    const [, second] = await Promise.all(replies);
    expect(second?.upIdleMs).toBeUndefined();
  });
});

describe('a connection on which nothing happens', () => {
  it('measures the round trip every few seconds', async () => {
    const { edge, clock, roundTrips } = await online();
    const pings = () => edge.messages.filter(({ type }) => type === 'ping').length;
    const measured = async (count: number) => {
      while (roundTrips.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await measured(3);
    for (let beat = 1; beat <= 3; beat += 1) {
      clock.advance(HEARTBEAT_MS);
      await measured(3 + beat);
      expect(pings()).toBe(3 + beat);
    }
  });
});
