import { Tensor } from 'onnxruntime-common';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ConnectedSession } from '../connected-session.js';
import type { CutpointError } from '../errors.js';
import { EdgeHttp } from '../http.js';
import type { SessionEvents, Trace } from '../session.js';
import { ManualClock } from '../testing/manual-clock.js';
import { openTinyEdge, sessionParts, TinyEdge, tinyTable } from '../testing/tiny-edge.js';
import { EdgeConnection } from '../transport/connection.js';
import type { SocketConstructor } from '../transport/socket.js';
import { EdgeChoice, streamUrl } from './edge-choice.js';
import { FIRST_RETURN_MS } from './failover.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(port?: number): Promise<TinyEdge> {
  const tiny = await TinyEdge.listen(port);
  cleanups.push(() => tiny.close().catch(() => {}));
  return tiny;
}

/** A session of the first of two edges. */
async function open(prepare: (second: TinyEdge) => void = () => {}) {
  const [first, second] = [await listen(), await listen()];
  prepare(second);
  const edge = await openTinyEdge(first, undefined, [second]);
  const session = new ConnectedSession({
    edge,
    ...sessionParts(),
    manifest: first.manifest,
    choice: { forced: undefined, policy: 'offload', objective: 'latency', constraints: {} },
  });
  edge.access.choice.serves(() => session.manifest);
  cleanups.push(() => edge.access.release());
  cleanups.push(() => session.close());
  const traces: Trace[] = [];
  const states: SessionEvents['state'][] = [];
  const warnings: CutpointError[] = [];
  session.on('trace', (trace) => traces.push(trace));
  edge.connection.events.on('state', (state) => states.push({ ...state, edgeUrl: edge.baseUrl.href }));
  edge.access.choice.events.on('warning', (warning) => warnings.push(warning));
  const run = async (options?: Parameters<typeof session.run>[1]) => {
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) }, options);
    return Array.from(y?.data as Float32Array);
  };
  return { first, second, edge, session, traces, states, warnings, run };
}

describe('an edge that is lost', () => {
  it('while a tail runs there is left for the next one, where the inference settles', async () => {
    const { first, second, edge, session, traces, states, run } = await open();
    first.script([1, 1], null);
    second.script([3, 4]);
    await run();
    const links: SessionEvents['link'][] = [];
    session.on('link', (link) => links.push(link));
    const underWay = run();
    await first.ws.until(() => first.ws.received.get(2)?.payload.complete === true);
    const edges = [first, second].map(({ baseUrl }) => baseUrl.href);
    const before = { link: edge.link, k: edge.knowledgeOf('tiny').load };
    await first.close();
    expect(await underWay).toEqual([3, 4]);
    expect(traces.map(({ edgeUrl }) => edgeUrl)).toEqual(edges);
    expect(edge.baseUrl.href).toBe(edges[1]);
    expect(states[0]).toMatchObject({ state: 'offline', edgeUrl: edges[0] });
    expect(states.at(-1)).toMatchObject({ state: 'online', edgeUrl: edges[1] });
    expect(links[0]?.edgeUrl).toBe(edges[1]);
    // What was learnt of the first is not believed of the second.
    expect(edge.link).not.toBe(before.link);
    expect(edge.knowledgeOf('tiny').load).not.toBe(before.k);
    expect(edge.link.connected).toBe(true);
  });

  it('in the middle of an upload is left for the next one, by all inferences that wait', async () => {
    const { first, second, edge, run } = await open();
    second.script([3, 4]);
    edge.access.setShape({ uplinkBytesPerMs: 0.5 });
    const underWay = [run(), run({ cut: 1 }), run()];
    await first.ws.until(() => first.ws.messages.some(({ type }) => type === 'infer'));
    expect(first.ws.received.get(1)?.payload.complete).toBe(false);
    edge.access.setShape(undefined);
    await first.close();
    expect(await Promise.all(underWay)).toEqual([
      [3, 4],
      [3, 4],
      [3, 4],
    ]);
  });

  it('and comes back soon is not left', async () => {
    const { first, second, run, edge } = await open();
    first.script([1, 1]);
    await run();
    first.ws.socket?.terminate();
    expect(await run()).toEqual([1, 1]);
    expect(edge.baseUrl.href).toBe(first.baseUrl.href);
    expect(second.ws.connections).toBe(0);
  });

  it('with all others lets an inference settle by its deadline', async () => {
    const { first, second, run } = await open();
    first.script(null);
    const underWay = run({ deadlineMs: 800 });
    await first.ws.until(() => first.ws.received.get(1)?.payload.complete === true);
    await Promise.all([first.close(), second.close()]);
    await expect(underWay).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('says so before: what stops is left while it is still there', async () => {
    const { first, second, run, edge } = await open();
    first.script('shutting_down');
    second.script([3, 4]);
    expect(await run()).toEqual([3, 4]);
    expect(edge.baseUrl.href).toBe(second.baseUrl.href);
  });
});

describe('the next edge', () => {
  it('is not turned to when it serves another model, and the app is told once', async () => {
    const { first, second, run, warnings, edge } = await open((other) => {
      other.packs = [Buffer.from('other weights')];
    });
    second.script([3, 4]);
    await first.close();
    await expect(run({ deadlineMs: 800 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(warnings.map(({ code }) => code)).toEqual(['other_model']);
    expect(warnings[0]?.message).toContain(second.baseUrl.href);
    expect(second.ws.connections).toBe(0);
    expect(edge.baseUrl.href).toBe(edge.baseUrl.href);
  });

  it('may have timed the model on another machine: its own cut table is read', async () => {
    const { first, second, run, session } = await open((other) => {
      other.table = tinyTable({ profile: { machine: 'another', provider: 'cpu', threads: 1 } });
    });
    first.script([1, 1]);
    await run();
    const { table } = second.manifest.variants[0] ?? {};
    second.ws.onRequest = (id, message) => {
      if (message.table === table) second.ws.reply(id, [3, 4]);
      else second.ws.send({ type: 'error', id, code: 'stale_manifest', message: 'another table' });
    };
    await first.close();
    expect(await run()).toEqual([3, 4]);
    expect(session.manifest.variants[0]?.table).toBe(table);
  });
});

describe('the preferred edge', () => {
  /** Past the first, on the second, in time that stands still. */
  async function onSecond() {
    const [first, second] = [await listen(), await listen()];
    const { baseUrl, manifest } = first;
    await first.close();
    const clock = new ManualClock();
    const http = new EdgeHttp(baseUrl, undefined, clock);
    const connection = new EdgeConnection({
      url: streamUrl(baseUrl),
      clock,
      random: () => 1,
      // The same interface with wider listener types.
      WebSocket: WebSocket as unknown as SocketConstructor,
    });
    cleanups.push(() => connection.close());
    const choice = new EdgeChoice({ edges: [baseUrl, second.baseUrl], http, connection, clock });
    cleanups.push(() => choice.close());
    choice.serves(() => manifest);
    connection.open();
    /** Both ends get to say what they have to, as they would in so much time. */
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.advance(500);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const isOn = async ({ href }: URL) => {
      await expect
        .poll(() => {
          clock.advance(100);
          return [choice.current.href, connection.state.state].join();
        })
        .toBe([href, 'online'].join());
    };
    await isOn(second.baseUrl);
    return { baseUrl, second, connection, choice, isOn, pass };
  }

  it('is gone back to when it is there again and nothing is under way', async () => {
    const { baseUrl, second, connection, choice, isOn, pass } = await onSecond();
    const back = await listen(Number(baseUrl.port));
    const underWay = connection.request({
      model: 'tiny',
      table: 'a'.repeat(64),
      cut: 0,
      tensors: [],
      parts: [],
      numBytes: 0,
    });
    await second.ws.until(() => second.ws.received.has(1));
    await pass(2 * FIRST_RETURN_MS);
    expect(choice.current.href).toBe(second.baseUrl.href);
    second.ws.reply(1, [3, 4]);
    await underWay;
    await isOn(baseUrl);
    expect(back.ws.connections).toBeGreaterThan(0);
  });

  it('is let alone while it is away', async () => {
    const { second, choice, connection, pass } = await onSecond();
    const { connections } = second.ws;
    await pass(2 * FIRST_RETURN_MS);
    expect(choice.current.href).toBe(second.baseUrl.href);
    expect(connection.state.state).toBe('online');
    expect(second.ws.connections).toBe(connections);
  });
});
