import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Clock, SYSTEM_CLOCK } from '../clock.js';
import { ManualClock } from '../testing/manual-clock.js';
import { WsEdge } from '../testing/ws-edge.js';
import { FIRST_RETRY_MS, LONGEST_RETRY_MS, retryDelayMs } from './backoff.js';
import { EdgeConnection } from './connection.js';
import type { ConnectionState } from './connection-events.js';
import { HEARTBEAT_MS, SILENCE_MS } from './heartbeat.js';
import type { TailRequest } from './requests.js';
import type { SocketConstructor } from './socket.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(maxInFlight?: number, port?: number): Promise<WsEdge> {
  const edge = await WsEdge.listen(maxInFlight, port);
  cleanups.push(() => edge.close());
  return edge;
}

function connectionTo(url: string, clock: Clock = SYSTEM_CLOCK, token?: string) {
  const connection = new EdgeConnection({
    url,
    token,
    clock,
    random: () => 1,
    // The same interface with wider listener types.
    WebSocket: WebSocket as unknown as SocketConstructor,
  });
  cleanups.push(() => connection.close());
  const states: ConnectionState[] = [];
  connection.events.on('state', (state) => states.push(state));
  return { connection, states };
}

async function online(edge: WsEdge, clock?: Clock, token?: string) {
  const made = connectionTo(edge.url, clock, token);
  made.connection.open();
  await made.connection.whenOnline(5000);
  return made;
}

function request(numValues: number, more: Partial<TailRequest> = {}): TailRequest {
  const values = Float32Array.from({ length: numValues }, (_, i) => i);
  const numBytes = values.byteLength;
  return {
    model: 'm',
    table: 'a'.repeat(64),
    cut: 3,
    tensors: [{ name: 'x', type: 'float32', dims: [numValues], codec: 'raw', numBytes }],
    parts: [new Uint8Array(values.buffer)],
    numBytes,
    ...more,
  };
}

function valuesOf(reply: { tensors: { bytes: Uint8Array<ArrayBuffer> }[] }): number[] {
  const bytes = reply.tensors[0]?.bytes ?? new Uint8Array();
  return [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)];
}

describe('requests over a connection', () => {
  it('sends the payload in at least eight chunks and gives back the reply with its transfers', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    const replying = connection.request(request(4096));
    await edge.until(() => edge.received.get(1)?.payload.complete === true);
    const { payload, chunkAtMs } = edge.received.get(1) ?? expect.fail('nothing arrived');
    expect(chunkAtMs.length).toBeGreaterThanOrEqual(8);
    expect(new Float32Array(payload.payload.buffer)[4095]).toBe(4095);
    edge.reply(1, [1, 2, 3]);
    const reply = await replying;
    expect(valuesOf(reply)).toEqual([1, 2, 3]);
    expect(reply.timings.tailMs).toBe(3);
    expect(reply.arrivals.numBytes).toBe(4096 * 4 - 2048);
    expect(reply.roundMs).toBeGreaterThan(0);
  });

  it('matches replies by id, whatever their order', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    const replies = [request(8), request(8), request(8)].map((each) => connection.request(each));
    await edge.until(() => [1, 2, 3].every((id) => edge.received.get(id)?.payload.complete));
    for (const id of [3, 1, 2]) edge.reply(id, [id]);
    expect((await Promise.all(replies)).map(valuesOf)).toEqual([[1], [2], [3]]);
  });

  it('holds back what exceeds the limit of the edge, and sends it when there is room', async () => {
    const edge = await listen(2);
    const { connection } = await online(edge);
    const replies = [1, 2, 3, 4].map(() => connection.request(request(8)));
    await edge.until(() => edge.received.get(2)?.payload.complete === true);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([...edge.received.keys()]).toEqual([1, 2]);
    edge.reply(2, [2]);
    await edge.until(() => edge.received.get(3)?.payload.complete === true);
    expect([...edge.received.keys()]).toEqual([1, 2, 3]);
    edge.reply(1, [1]);
    edge.reply(3, [3]);
    await edge.until(() => edge.received.get(4)?.payload.complete === true);
    edge.reply(4, [4]);
    expect((await Promise.all(replies)).map(valuesOf)).toEqual([[1], [2], [3], [4]]);
  });

  it('cancels at the edge what is aborted, and drops its late reply', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    const abort = new AbortController();
    const first = connection.request(request(64, { signal: abort.signal }));
    const second = connection.request(request(64));
    await edge.until(() => edge.received.get(2)?.payload.complete === true);
    abort.abort('enough');
    await expect(first).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    await edge.until(() => edge.messages.some(({ type }) => type === 'cancel'));
    expect(edge.messages.find(({ type }) => type === 'cancel')).toEqual({ type: 'cancel', id: 1 });
    edge.reply(1, [1]);
    edge.reply(2, [2]);
    expect(valuesOf(await second)).toEqual([2]);
    expect(connection.state.state).toBe('online');
  });

  it('takes back the chunks that a slow link has not carried yet when their request is aborted', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    connection.shape({ uplinkBytesPerMs: 20 });
    const abort = new AbortController();
    const big = connection.request(request(50_000, { signal: abort.signal }));
    const small = connection.request(request(8));
    await edge.until(() => edge.received.has(1));
    abort.abort();
    await expect(big).rejects.toMatchObject({ code: 'aborted' });
    await edge.until(() => edge.received.get(2)?.payload.complete === true);
    expect(edge.received.get(1)?.payload.complete).toBe(false);
    edge.reply(2, [2]);
    await small;
  });

  it('gives up at the deadline, and tells the edge', async () => {
    const edge = await listen();
    const clock = new ManualClock();
    const { connection } = await online(edge, clock);
    const late = connection.request(request(8, { deadlineMs: 100 }));
    const caught = expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await edge.until(() => edge.received.has(1));
    expect(edge.received.get(1)?.message.deadlineMs).toBe(100);
    clock.advance(100);
    await caught;
    await edge.until(() => edge.messages.some(({ type }) => type === 'cancel'));
  });

  it('passes on the refusals of the edge under our codes, with its own word', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    const refused = connection.request(request(8));
    await edge.until(() => edge.received.has(1));
    edge.send({ type: 'error', id: 1, code: 'overloaded', message: 'full' });
    await expect(refused).rejects.toMatchObject({ code: 'overloaded', edgeCode: 'overloaded', message: 'full' });
  });

  it('refuses at once what the edge would not take', async () => {
    const edge = await listen();
    const { connection } = await online(edge);
    await expect(connection.request(request(250_001))).rejects.toMatchObject({
      code: 'edge_error',
      edgeCode: 'too_large',
    });
  });

  it('carries the token as a second subprotocol', async () => {
    const edge = await listen();
    await online(edge, SYSTEM_CLOCK, 'secret');
    expect(edge.protocols).toEqual(['cutpoint.v1,bearer.secret']);
  });
});

describe('a connection that breaks', () => {
  it('fails what is in flight, says when it tries again, and comes back', async () => {
    const edge = await listen();
    const clock = new ManualClock();
    const { connection, states } = await online(edge, clock);
    const lost = connection.request(request(8));
    const caught = expect(lost).rejects.toMatchObject({ code: 'edge_unreachable' });
    await edge.until(() => edge.received.has(1));
    edge.socket?.terminate();
    await caught;
    expect(states.at(-1)).toMatchObject({ state: 'offline', retryInMs: FIRST_RETRY_MS });
    await expect(connection.request(request(8))).rejects.toMatchObject({ code: 'edge_unreachable' });
    clock.advance(FIRST_RETRY_MS);
    await connection.whenOnline(5000);
    const again = connection.request(request(8));
    await edge.until(() => edge.received.get(1)?.payload.complete === true);
    edge.reply(1, [7]);
    expect(valuesOf(await again)).toEqual([7]);
    expect(edge.connections).toBe(2);
  });

  it('waits longer after each attempt that fails, and starts anew after a success', async () => {
    const edge = await listen();
    const { port } = edge;
    const clock = new ManualClock();
    const { connection, states } = connectionTo(edge.url, clock);
    await edge.close();
    connection.open();
    const waits: number[] = [];
    while (waits.length < 3) {
      await new Promise<void>((resolve) => {
        const stop = connection.events.on('state', () => {
          stop();
          resolve();
        });
      });
      const last = states.at(-1);
      if (last?.state !== 'offline') expect.fail('nobody listens');
      waits.push(last.retryInMs ?? 0);
      if (waits.length < 3) clock.advance(last.retryInMs ?? 0);
    }
    expect(waits).toEqual([250, 500, 1000]);
    const back = await listen(4, port);
    connection.retryNow();
    await connection.whenOnline(5000);
    back.socket?.terminate();
    await new Promise<void>((resolve) => {
      connection.events.on('state', () => resolve());
    });
    expect(states.at(-1)).toMatchObject({ state: 'offline', retryInMs: 250 });
  });

  it('closes the socket where the link is taken away, goes on trying with longer waits, and is back when it is given back', async () => {
    const edge = await listen();
    const clock = new ManualClock();
    const { connection, states } = await online(edge, clock);
    const closed = new Promise((resolve) => edge.socket?.once('close', resolve));
    const lost = connection.request(request(8));
    connection.shape({ offline: true });
    await expect(lost).rejects.toMatchObject({ code: 'edge_unreachable' });
    await closed;
    await expect(connection.request(request(8))).rejects.toMatchObject({ code: 'edge_unreachable' });
    for (const waitMs of [250, 500]) clock.advance(waitMs);
    connection.retryNow();
    const waits = states.slice(1).map((state) => (state.state === 'offline' ? state.retryInMs : undefined));
    expect(waits).toEqual([250, 500, 1000, 2000]);
    connection.shape(undefined);
    await connection.whenOnline(undefined);
    expect(states.at(-1)).toEqual({ state: 'online', reason: 'connected' });
  });

  it('notices an edge that is silent without closing', async () => {
    const edge = await listen();
    edge.answersPings = false;
    const clock = new ManualClock();
    const { connection } = await online(edge, clock);
    await edge.until(() => edge.messages.some(({ type }) => type === 'ping'));
    clock.advance(SILENCE_MS + HEARTBEAT_MS);
    expect(connection.state).toMatchObject({ state: 'offline', reason: 'the edge stopped answering' });
  });

  it.each([
    ['text that is no message', 'hello'],
    ['a reply of the wrong form', { type: 'result', id: 1 }],
  ])('drops an edge that sends %s', async (_what, message) => {
    const edge = await listen();
    const { connection } = await online(edge);
    const gone = new Promise<void>((resolve) => {
      connection.events.on('state', () => resolve());
    });
    edge.send(message);
    await gone;
    expect(connection.state.state).toBe('offline');
    expect(connection.state.reason).toMatch(/broke the protocol/);
  });

  it('rejects those who wait for it when it is closed or takes too long', async () => {
    const clock = new ManualClock();
    const { connection } = connectionTo('ws://127.0.0.1:9/', clock);
    const waiting = connection.whenOnline(100);
    const caught = expect(waiting).rejects.toMatchObject({ code: 'edge_unreachable' });
    clock.advance(100);
    await caught;
    const other = expect(connection.whenOnline(100)).rejects.toMatchObject({ code: 'closed' });
    connection.close();
    await other;
  });
});

describe('the wait before a retry', () => {
  it('doubles up to its limit, and half of it is chance', () => {
    expect([0, 1, 2, 3].map((attempt) => retryDelayMs(attempt, () => 1))).toEqual([250, 500, 1000, 2000]);
    expect(retryDelayMs(50, () => 1)).toBe(LONGEST_RETRY_MS);
    expect(retryDelayMs(0, () => 0)).toBe(FIRST_RETRY_MS / 2);
  });
});

describe('a shaped link', () => {
  it('is seen by the other end as a link of that rate and round trip', async () => {
    const edge = await listen();
    const { connection } = connectionTo(edge.url);
    connection.shape({ uplinkBytesPerMs: 200, downlinkBytesPerMs: 100, roundTripMs: 60 });
    const roundTrips: number[] = [];
    connection.events.on('roundTrip', (ms) => roundTrips.push(ms));
    connection.open();
    await connection.whenOnline(5000);
    await new Promise((resolve) => setTimeout(resolve, 250));
    const replying = connection.request(request(16_000));
    await edge.until(() => edge.received.get(1)?.payload.complete === true);
    const { payload } = edge.received.get(1) ?? expect.fail('nothing arrived');
    edge.reply(
      1,
      Array.from({ length: 8000 }, (_, i) => i),
    );
    const { downArrivals } = await replying;
    const up = payload.arrivals;
    expect(up.numBytes / up.spanMs / 200).toBeCloseTo(1, 0.8);
    expect(downArrivals.numBytes / downArrivals.spanMs / 100).toBeCloseTo(1, 0.8);
    expect(Math.min(...roundTrips)).toBeGreaterThanOrEqual(60);
    expect(Math.min(...roundTrips)).toBeLessThan(80);
  });
});
