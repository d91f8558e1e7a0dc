import { Tensor } from 'onnxruntime-common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectedSession } from './connected-session.js';
import type { SharedEdge } from './edge.js';
import type { Trace } from './session.js';
import { openTinyEdge, sessionParts, TinyEdge, tinyHead, tinyTable } from './testing/tiny-edge.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const LOCAL = 2;
/** Of the head's, which knows no arithmetic. */
const ZEROS = [0, 0];
const feeds = () => ({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) });

async function open(perform?: Parameters<typeof openTinyEdge>[1]) {
  const tiny = await TinyEdge.listen();
  cleanups.push(() => tiny.close());
  const edge: SharedEdge = await openTinyEdge(tiny, perform);
  const session = new ConnectedSession({
    edge,
    ...sessionParts(),
    manifest: tiny.manifest,
    choice: { forced: undefined, policy: 'offload', objective: 'latency', constraints: {} },
  });
  cleanups.push(() => edge.access.release());
  cleanups.push(() => session.close());
  const traces: Trace[] = [];
  session.on('trace', (trace) => traces.push(trace));
  const run = async (options?: Parameters<typeof session.run>[1]) => {
    const { y } = await session.run(feeds(), options);
    return Array.from(y?.data as Float32Array);
  };
  return { tiny, edge, session, traces, run };
}

const requests = ({ ws }: TinyEdge) => ws.messages.filter(({ type }) => type === 'infer').length;

describe('a tail that fails at the edge', () => {
  for (const code of ['tail_failed', 'upload_timeout']) {
    it(`is tried again once after ${code}`, async () => {
      const { tiny, run, traces } = await open();
      tiny.script(code, [3, 4]);
      expect(await run()).toEqual([3, 4]);
      expect(traces.map(({ cut }) => cut)).toEqual([0]);
      expect(requests(tiny)).toBe(2);
    });

    it(`is finished here after a second ${code}, when the whole network is ready`, async () => {
      const { tiny, run, traces } = await open();
      await run({ cut: LOCAL });
      tiny.script(code);
      expect(await run()).toEqual(ZEROS);
      expect(traces.map(({ cut }) => cut)).toEqual([LOCAL, LOCAL]);
      expect(requests(tiny)).toBe(2);
    });

    it(`rejects with the edge's own word after a second ${code}, when it is not`, async () => {
      const { tiny, run } = await open();
      tiny.script(code);
      await expect(run()).rejects.toMatchObject({ code: 'edge_error', edgeCode: code });
      expect(requests(tiny)).toBe(2);
    });
  }

  it('keeps nothing of it for the next inference, which goes to the edge again', async () => {
    const { tiny, run, traces } = await open();
    await run({ cut: LOCAL });
    tiny.script('tail_failed', 'tail_failed', [3, 4]);
    await run();
    expect(await run()).toEqual([3, 4]);
    expect(traces.map(({ cut }) => cut)).toEqual([LOCAL, LOCAL, 0]);
  });

  it('leaves a forced cut too, when its tail fails for good', async () => {
    const { tiny, run, traces } = await open();
    await run({ cut: LOCAL });
    tiny.script('tail_failed');
    expect(await run({ cut: 1 })).toEqual(ZEROS);
    expect(traces.at(-1)?.cut).toBe(LOCAL);
  });
});

describe('an edge that refuses', () => {
  it('is asked again when it is full', async () => {
    const { tiny, run } = await open();
    tiny.script('overloaded', 'too_many_in_flight', [3, 4]);
    expect(await run()).toEqual([3, 4]);
  });

  it('is done without when it could not be in time', async () => {
    const { tiny, run } = await open();
    await run({ cut: LOCAL });
    tiny.script('deadline_exceeded');
    expect(await run({ deadlineMs: 10_000 })).toEqual(ZEROS);
    expect(requests(tiny)).toBe(1);
  });

  it('is told nothing that it said it does not take: such cuts are no arms', async () => {
    const { tiny, session, run, traces } = await open();
    tiny.ws.limits = { maxInFlight: 4, maxRequestBytes: 7 };
    tiny.ws.socket?.terminate();
    await new Promise<void>((resolve) => {
      session.edge.connection.events.on('state', ({ state }) => state === 'online' && resolve());
    });
    expect(await run()).toEqual(ZEROS);
    expect(session.explain()?.candidates.map(({ arm }) => arm.cut)).toEqual([LOCAL]);
    expect(traces.map(({ cut }) => cut)).toEqual([LOCAL]);
    expect(requests(tiny)).toBe(0);
  });

  it('is not asked twice for what it found too large', async () => {
    const { tiny, run, traces } = await open();
    await run({ cut: LOCAL });
    tiny.script('too_large');
    expect(await run()).toEqual(ZEROS);
    expect(traces.at(-1)?.cut).toBe(LOCAL);
    expect(requests(tiny)).toBe(1);
  });

  it('is waited for while it prepares the model anew, and done without when the network is here', async () => {
    const { tiny, run, traces } = await open();
    tiny.statuses = ['preparing', 'ready'];
    tiny.script('model_not_ready', [3, 4]);
    expect(await run()).toEqual([3, 4]);
    expect(tiny.asked.filter((path) => path === '/v1/models')).toHaveLength(2);
    await run({ cut: LOCAL });
    tiny.script('model_not_ready');
    expect(await run()).toEqual(ZEROS);
    expect(traces.map(({ cut }) => cut)).toEqual([0, LOCAL, LOCAL]);
  });

  it('that will never have the model again says so', async () => {
    const { tiny, run } = await open();
    tiny.statuses = ['failed'];
    tiny.script('model_not_ready');
    await expect(run()).rejects.toMatchObject({ code: 'model_not_ready', message: /no reason was given/ });
  });

  it('is done without when it has the model no more, if the network is here', async () => {
    const { tiny, run, traces } = await open();
    tiny.script('unknown_model');
    await expect(run()).rejects.toMatchObject({ code: 'unknown_model' });
    await run({ cut: LOCAL });
    expect(await run()).toEqual(ZEROS);
    expect(traces.map(({ cut }) => cut)).toEqual([LOCAL, LOCAL]);
  });

  it('keeps its word when nothing else can be done', async () => {
    const { tiny, run } = await open();
    tiny.script('bad_tensors');
    await expect(run()).rejects.toMatchObject({ code: 'edge_error', edgeCode: 'bad_tensors' });
    expect(requests(tiny)).toBe(1);
  });
});

describe('a model that the edge prepared anew', () => {
  for (const code of ['stale_manifest', 'unknown_cut']) {
    it(`is read again after ${code}, once for all inferences that met it`, async () => {
      const { tiny, session, run } = await open();
      tiny.script([3, 4]);
      await run();
      const before = session.manifest.variants[0]?.table;
      tiny.table = tinyTable({ profile: { machine: 'another', provider: 'cpu', threads: 1 } });
      tiny.script(code, code, [5, 6]);
      expect(await Promise.all([run(), run()])).toEqual([
        [5, 6],
        [5, 6],
      ]);
      expect(session.manifest.variants[0]?.table).not.toBe(before);
      expect(tiny.asked.filter((path) => path.endsWith('/manifest'))).toHaveLength(1);
    });
  }

  it('is read again beside the inferences when an answer says that it is old, and none of them is lost', async () => {
    const { tiny, session, run } = await open();
    tiny.script([3, 4]);
    await run({ cut: 1 });
    const before = session.manifest.variants[0]?.table ?? '';
    tiny.table = tinyTable({ profile: { machine: 'another', provider: 'cpu', threads: 1 } });
    tiny.isStale = (table) => table === before;
    // By a head that is built, too: it stays until they have ended.
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => run({ cut: index % 2 })));
    expect(results).toEqual(Array.from({ length: 8 }, () => [3, 4]));
    await vi.waitFor(() => expect(session.manifest.variants[0]?.table).not.toBe(before));
    expect(await run()).toEqual([3, 4]);
    const asked = tiny.ws.messages.flatMap((message) => (message.type === 'infer' ? [message.table] : []));
    expect(asked.at(-1)).toBe(session.manifest.variants[0]?.table);
    expect(tiny.asked.filter((path) => path.endsWith('/manifest'))).toHaveLength(1);
  });

  it('rejects when it is stale again', async () => {
    const { tiny, run } = await open();
    tiny.script('stale_manifest');
    await expect(run()).rejects.toMatchObject({ code: 'stale_manifest' });
    expect(requests(tiny)).toBe(2);
  });
});

describe('a head that fails', () => {
  it('is left for another cut', async () => {
    const broken = { runs: false };
    const { tiny, run, traces } = await open((call) =>
      call.type === 'run' && broken.runs ? { error: 'out of memory' } : tinyHead(call),
    );
    tiny.script([3, 4]);
    await run({ cut: LOCAL });
    broken.runs = true;
    await expect(run({ cut: LOCAL })).rejects.toMatchObject({ code: 'runtime_failed' });
    expect(await run()).toEqual([3, 4]);
    expect(traces.map(({ cut }) => cut)).toEqual([LOCAL, 0]);
  });
});

describe('a place in the queue of the edge', () => {
  const said = ({ ws }: TinyEdge) =>
    ws.messages
      .filter(({ type }) => type === 'reserve' || type === 'infer' || type === 'cancel')
      .map(({ type, id }) => `${type} ${id}`);
  const HEAD = 1;

  it('is held from the decision on, for all cuts that use the edge, and taken over by the request', async () => {
    const { tiny, run } = await open();
    tiny.script([3, 4]);
    await run();
    await run({ cut: HEAD });
    await run({ cut: LOCAL });
    expect(said(tiny)).toEqual(['reserve 1', 'infer 1', 'reserve 2', 'infer 2']);
    const [reserve, infer] = tiny.ws.messages.filter(
      ({ type, id }) => id === 2 && (type === 'reserve' || type === 'infer'),
    ) as [object, object];
    expect(infer).toMatchObject({ ...reserve, type: 'infer' });
  });

  it('is held while the head runs, and given back when the caller does not wait for it', async () => {
    const head = { hangs: false };
    const { tiny, run } = await open((call) => (call.type === 'run' && head.hangs ? undefined : tinyHead(call)));
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    head.hangs = true;
    const abort = new AbortController();
    const aborted = expect(run({ cut: HEAD, signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    await tiny.ws.until(() => said(tiny).length === 3);
    abort.abort();
    await aborted;
    const late = expect(run({ cut: HEAD, deadlineMs: 50 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await late;
    await tiny.ws.until(() => said(tiny).length === 6);
    expect(said(tiny).slice(2)).toEqual(['reserve 2', 'cancel 2', 'reserve 3', 'cancel 3']);
  });

  it('is given back by a head that fails', async () => {
    const head = { fails: false };
    const { tiny, run } = await open((call) =>
      call.type === 'run' && head.fails ? { error: 'out of memory' } : tinyHead(call),
    );
    tiny.script([3, 4]);
    await run({ cut: HEAD });
    head.fails = true;
    await expect(run({ cut: HEAD })).rejects.toMatchObject({ code: 'runtime_failed' });
    await tiny.ws.until(() => said(tiny).length >= 4);
    expect(said(tiny).slice(2, 4)).toEqual(['reserve 2', 'cancel 2']);
    expect(said(tiny).filter((text) => text.startsWith('reserve'))).toHaveLength(
      said(tiny).filter((text) => text.startsWith('cancel')).length + 1,
    );
  });

  it('is asked for by as many of many inferences at once as the edge has room for, and none is lost', async () => {
    const { tiny, run } = await open();
    tiny.script([3, 4]);
    const results = await Promise.all(Array.from({ length: 12 }, (_, index) => run({ cut: index % 2 })));
    expect(results).toEqual(Array.from({ length: 12 }, () => [3, 4]));
    const ids = (type: string) => tiny.ws.messages.filter((message) => message.type === type).map(({ id }) => id);
    expect(new Set(ids('infer')).size).toBe(12);
    expect(ids('infer')).toEqual(expect.arrayContaining(ids('reserve')));
    expect(ids('reserve').length).toBeGreaterThanOrEqual(4);
    expect(ids('cancel')).toEqual([]);
  });

  it('is no reason to think that others wait, nor are the tails of this page', async () => {
    const { tiny, run, edge } = await open();
    const [ownMs, reportedMs] = [3, 20];
    tiny.ws.onRequest = (id) => {
      tiny.ws.load = { ...tiny.ws.load, busy: 0.5, residualMs: reportedMs, workers: 1 };
      tiny.ws.reply(id, [3, 4]);
    };
    const { load } = edge.knowledgeOf('tiny');
    await run();
    // One tail of 3 ms of this page, over 1 s / ln 2, is not of others.
    expect(load.busy).toBeCloseTo(0.5 - (ownMs * Math.LN2) / 1000, 4);
    expect(load.residualMs(edge.clock.now())).toBeLessThan(reportedMs);
  });
});

it('the span that the app names goes to the edge with every try, and to the app with the trace', async () => {
  const { tiny, run, traces } = await open();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  tiny.script('tail_failed', [3, 4], [3, 4]);
  await run({ traceparent });
  await run();
  const sent = tiny.ws.messages.filter((message) => message.type === 'infer');
  expect(sent.map((message) => message.traceparent)).toEqual([traceparent, traceparent, undefined]);
  expect(traces.map((trace) => trace.traceparent)).toEqual([traceparent, undefined]);
});

describe('constraints that are set while the session runs', () => {
  it('hold from the next inference on, and are those of plans', async () => {
    const { tiny, session, traces, run } = await open();
    tiny.script([3, 4]);
    await run();
    session.setConstraints({ keepInputOnDevice: true });
    // Of what nothing mixes nothing may leave.
    expect(await run()).toEqual(ZEROS);
    expect(traces.map(({ cut }) => cut)).toEqual([0, LOCAL]);
    expect(session.explain()?.candidates.find(({ arm }) => arm.cut === 0)?.rejected).toBe('constraint');
    session.setConstraints({});
    expect(await run()).toEqual([3, 4]);
  });

  it('leave to the page what has no way to the edge by the codecs that are allowed', async () => {
    const { session, traces, run } = await open();
    session.setConstraints({ codecs: ['jpeg'] });
    expect(await run()).toEqual(ZEROS);
    expect(traces.map(({ cut }) => cut)).toEqual([LOCAL]);
  });
});

describe('a deadline', () => {
  it('counts from the call, with the fetch of the cut table', async () => {
    const { tiny, run } = await open();
    let release = () => {};
    tiny.beforeTable = new Promise((resolve) => {
      release = resolve;
    });
    const startMs = performance.now();
    await expect(run({ deadlineMs: 100 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: 'No result within 100 ms.',
    });
    expect(performance.now() - startMs).toBeLessThan(2000);
    release();
  });

  it('is not given anew to the second try', async () => {
    const { tiny, run } = await open();
    tiny.script('stale_manifest', null);
    tiny.ws.onRequest = ((answer) => (id, message) => {
      // What is left of it when the edge has taken its time.
      setTimeout(() => answer?.(id, message), 60);
    })(tiny.ws.onRequest);
    await expect(run({ deadlineMs: 300 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const [first, second] = tiny.ws.messages.flatMap((message) =>
      message.type === 'infer' ? [message.deadlineMs ?? Number.NaN] : [],
    );
    expect(first).toBeGreaterThan(200);
    expect(second).toBeLessThanOrEqual((first ?? 0) - 60);
  });

  it('of every inference is that of one which brings none of its own', async () => {
    const { tiny, session, run } = await open();
    tiny.script(null);
    session.setConstraints({ deadlineMs: 50 });
    await expect(run()).rejects.toMatchObject({ code: 'deadline_exceeded', message: 'No result within 50 ms.' });
    await expect(run({ deadlineMs: 60 })).rejects.toMatchObject({ message: 'No result within 60 ms.' });
    tiny.script([3, 4]);
    session.setConstraints({});
    expect(await run()).toEqual([3, 4]);
  });

  it('ends with the session, and with the caller', async () => {
    const { tiny, session, run } = await open();
    tiny.script(null);
    const abort = new AbortController();
    const aborted = expect(run({ signal: abort.signal, deadlineMs: 5000 })).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await aborted;
    const closed = expect(run({ deadlineMs: 5000 })).rejects.toMatchObject({ code: 'closed' });
    await session.close();
    await closed;
    await expect(run()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('an inference at the edge', () => {
  it('has weights come in pieces for as long as it uses the link', async () => {
    const { tiny, session, run } = await open();
    const { pace } = session.edge;
    expect(pace.isFree).toBe(true);
    tiny.script(null);
    const abort = new AbortController();
    const ended = expect(run({ signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    await expect.poll(() => pace.isFree).toBe(false);
    abort.abort();
    await ended;
    await expect.poll(() => pace.isFree).toBe(true);
  });
});
