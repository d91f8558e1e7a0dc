import type { Cut } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectedSession } from '../connected-session.js';
import { weightRules } from '../heads/weight-rules.js';
import type { ConnectOptions, Trace } from '../session.js';
import { openTinyEdge, sessionParts, TAIL_GRAPH, TinyEdge, tinyHead, tinyTable } from '../testing/tiny-edge.js';
import type { Call, TensorMessage } from '../worker/messages.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Perform = NonNullable<Parameters<typeof openTinyEdge>[1]>;

const HEAD = 1;
const LOCAL = 2;
const feeds = () => ({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) });

/** x → h = x + 1 → y = 10 h, each part by what it is given. */
function network(call: Call): ReturnType<typeof tinyHead> {
  if (call.type !== 'run') return tinyHead(call);
  const [given] = call.feeds;
  const numbers = Array.from(new Float32Array(given?.bytes.buffer ?? new ArrayBuffer(8)));
  const h = given?.name === 'h' ? numbers : numbers.map((x) => x + 1);
  const made = call.fetches.map((name): TensorMessage => {
    const values = Float32Array.from(name === 'h' ? h : h.map((value) => 10 * value));
    return { name, type: 'float32', dims: [2], bytes: new Uint8Array(values.buffer) };
  });
  return { value: { outputs: made, encoded: [], headMs: 1, encodeMs: 0 } };
}

async function open(
  options: Pick<ConnectOptions, 'policy' | 'maxWeightBytes'> = {},
  perform: Perform = network,
  profiled: (cut: Cut) => Cut = (cut) => cut,
) {
  const tiny = await TinyEdge.listen();
  cleanups.push(() => tiny.close());
  tiny.table = tinyTable({ cuts: tinyTable().cuts.map(profiled) });
  const calls: Call[] = [];
  const edge = await openTinyEdge(tiny, (call) => {
    calls.push(call);
    return perform(call);
  });
  const session = new ConnectedSession({
    edge,
    ...sessionParts(),
    manifest: tiny.manifest,
    choice: { forced: undefined, policy: options.policy ?? 'offload', objective: 'latency', constraints: {} },
    weights: weightRules({ ...options, rescue: 'off' }, () => undefined),
  });
  cleanups.push(() => edge.access.release());
  cleanups.push(() => session.close());
  const traces: Trace[] = [];
  session.on('trace', (trace) => traces.push(trace));
  const run = async (runOptions?: Parameters<typeof session.run>[1]) => {
    const { y } = await session.run(feeds(), runOptions);
    return Array.from(y?.data as Float32Array);
  };
  /** As an idle moment would: the graph of the tail, and that and the weights of the whole network. */
  const fetchAll = async () => {
    const [, , local] = tiny.table.cuts;
    await edge.packs.graph(TAIL_GRAPH);
    await edge.packs.graph(local?.headGraph ?? '');
    for (const pack of tiny.manifest.packs) await edge.packs.get(pack, () => {});
  };
  const built = () => calls.flatMap((call) => (call.type === 'create' ? [call.key.split('/').slice(1).join('/')] : []));
  /** The edge is gone when the next request has come. */
  const dies = () => {
    tiny.ws.onRequest = () => tiny.ws.socket?.terminate();
  };
  return { tiny, edge, session, traces, run, fetchAll, built, dies };
}

describe('an edge that dies when the head has run', () => {
  it('leaves the tail to the page, which finishes it from what was sent', async () => {
    const { tiny, run, traces, fetchAll, built, dies } = await open();
    tiny.script([3, 4]);
    expect(await run({ cut: HEAD })).toEqual([3, 4]);
    expect(traces[0]).not.toHaveProperty('rescued');
    await fetchAll();
    dies();
    expect(await run({ cut: HEAD })).toEqual([20, 30]);
    expect(built()).toEqual(['1', '1/tail']);
    expect(traces[1]).toMatchObject({ cut: HEAD, rescued: 'tail', headMs: 1, tailMs: 1, bytesUp: 8, bytesDown: 0 });
    expect(traces[1]).not.toHaveProperty('edge');
  });

  it('leaves the whole network to the page where the feeds were sent', async () => {
    const { run, traces, fetchAll, built, dies } = await open();
    await fetchAll();
    dies();
    expect(await run()).toEqual([20, 30]);
    expect(built()).toEqual(['2']);
    expect(traces).toMatchObject([{ cut: LOCAL, rescued: 'feeds', headMs: 1, tailMs: 0 }]);
  });

  it('leaves the whole network to the page when the tail cannot be built', async () => {
    const { tiny, run, traces, fetchAll, dies } = await open({}, (call) =>
      call.type === 'create' && call.key.endsWith('/tail') ? { error: 'an operator that is not there' } : network(call),
    );
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    await fetchAll();
    dies();
    expect(await run({ cut: HEAD })).toEqual([20, 30]);
    expect(traces.at(-1)).toMatchObject({ cut: LOCAL, rescued: 'feeds' });
  });

  it('and was gone before, too: the whole network is built then', async () => {
    const { tiny, session, run, traces, fetchAll } = await open();
    tiny.script([3, 4]);
    await run();
    await fetchAll();
    const offline = new Promise<void>((resolve) => {
      session.edge.connection.events.on('state', ({ state }) => state === 'offline' && resolve());
    });
    await tiny.close();
    await offline;
    expect(await run()).toEqual([20, 30]);
    expect(traces.at(-1)).toMatchObject({ cut: LOCAL });
    expect(await run({ cut: HEAD })).toEqual([20, 30]);
  });

  it('is waited for where the weights are not here, and the error says what would help', async () => {
    const { tiny, run } = await open();
    const gone = new Promise<void>((resolve) => {
      tiny.ws.onRequest = () => {
        void tiny.close().then(resolve);
      };
    });
    await expect(run({ deadlineMs: 500 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: /^No result within 500 ms\. The edge cannot be reached .+`rescue: 'idle'`/,
    });
    await gone;
  });
});

describe('an edge that refuses', () => {
  it.each(['tail_failed', 'overloaded'])('with %s is asked once more, then done without', async (code) => {
    const { tiny, run, traces, fetchAll } = await open();
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    await fetchAll();
    tiny.script(code, code, [5, 6]);
    expect(await run({ cut: HEAD })).toEqual([20, 30]);
    expect(traces.at(-1)).toMatchObject({ cut: HEAD, rescued: 'tail' });
    expect(tiny.ws.messages.filter(({ type }) => type === 'infer')).toHaveLength(3);
  });

  it('because it could not be in time is done without at once', async () => {
    const { tiny, run, traces, fetchAll } = await open();
    await run({ cut: LOCAL });
    await fetchAll();
    tiny.script('deadline_exceeded');
    expect(await run({ cut: HEAD, deadlineMs: 20_000 })).toEqual([20, 30]);
    expect(traces.at(-1)?.rescued).toBeDefined();
  });
});

describe('an edge that does not answer', () => {
  it('is done without in time for the deadline, and told that nobody waits', async () => {
    const { tiny, run, traces, fetchAll } = await open();
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    await fetchAll();
    tiny.script(null);
    expect(await run({ cut: HEAD, deadlineMs: 600 })).toEqual([20, 30]);
    expect(traces.at(-1)).toMatchObject({ cut: HEAD, rescued: 'tail' });
    await tiny.ws.until(() => tiny.ws.messages.some(({ type, id }) => type === 'cancel' && id === 2));
  });

  it('but is not late is not run ahead of', async () => {
    const { tiny, run, traces, fetchAll, built } = await open();
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    await fetchAll();
    expect(await run({ cut: HEAD, deadlineMs: 20_000 })).toEqual([3, 4]);
    expect(traces.at(-1)).not.toHaveProperty('rescued');
    expect(built()).toEqual(['1']);
  });

  it('and what would take longer here than is left is not begun: inferences to come would wait for it', async () => {
    const { tiny, run, fetchAll, built } = await open({}, network, (cut) => ({
      ...cut,
      tailMs: 60_000,
      headMs: cut.id === LOCAL ? 60_000 : cut.headMs,
    }));
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    await fetchAll();
    tiny.script(null);
    await expect(run({ cut: HEAD, deadlineMs: 300 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(built()).toEqual(['1']);
  });

  it('rejects at the deadline where the weights are not here', async () => {
    const { tiny, run } = await open();
    tiny.script(null);
    await expect(run({ deadlineMs: 200 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});

describe('a limit on downloads', () => {
  const packsAsked = ({ asked }: TinyEdge) => asked.filter((path) => path.startsWith('/v1/packs/')).length;

  it('leaves heads alone that need more, and not those that the app forces', async () => {
    const { tiny, session, run } = await open({ policy: 'local', maxWeightBytes: 5 });
    tiny.script([3, 4]);
    session.warmUp();
    for (let i = 0; i < 3; i++) expect(await run()).toEqual([3, 4]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(packsAsked(tiny)).toBe(0);
    expect(await run({ cut: LOCAL })).toEqual([20, 30]);
    expect(packsAsked(tiny)).toBe(1);
    expect(await run()).toEqual([20, 30]);
  });

  it('lets through what fits', async () => {
    const { tiny, session } = await open({ policy: 'local', maxWeightBytes: 12 });
    session.warmUp();
    await new Promise<void>((resolve) => {
      // Heads that are only timed have no weights.
      session.on('progress', ({ stage, totalBytes }) => stage === 'session' && totalBytes > 0 && resolve());
    });
    expect(packsAsked(tiny)).toBe(1);
  });

  it('counts nothing that is here', async () => {
    const { tiny, session, fetchAll } = await open({ policy: 'local', maxWeightBytes: 0 });
    await fetchAll();
    session.warmUp();
    await new Promise<void>((resolve) => {
      session.on('progress', ({ stage }) => stage === 'session' && resolve());
    });
    expect(packsAsked(tiny)).toBe(1);
  });
});
