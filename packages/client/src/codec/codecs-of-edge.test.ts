import { encodeTensor, type LoadReport } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectedSession } from '../connected-session.js';
import type { Trace } from '../session.js';
import { openTinyEdge, sessionParts, TinyEdge } from '../testing/tiny-edge.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const feeds = { x: new Tensor('float32', Float32Array.of(1, 2), [2]) };

/** A session with an edge that says that it reads `codecs`. */
async function open(codecs: string[], maxAccuracyDrop?: number) {
  const tiny = await TinyEdge.listen();
  cleanups.push(() => tiny.close());
  tiny.script([3, 4]);
  const edge = await openTinyEdge(tiny);
  // It came with the first welcome.
  const load = edge.access.lastLoad as LoadReport;
  tiny.ws.send({ type: 'welcome', limits: tiny.ws.limits, codecs, load });
  await vi.waitFor(() => expect(edge.connection.codecs.size).toBe(codecs.length));
  const session = new ConnectedSession({
    edge,
    ...sessionParts(),
    manifest: tiny.manifest,
    choice: {
      forced: undefined,
      policy: 'offload',
      objective: 'latency',
      constraints: maxAccuracyDrop === undefined ? {} : { maxAccuracyDrop },
    },
  });
  cleanups.push(() => edge.access.release());
  cleanups.push(() => session.close());
  const traces: Trace[] = [];
  session.on('trace', (trace) => traces.push(trace));
  const sent = () => tiny.ws.messages.flatMap((message) => (message.type === 'infer' ? message.tensors : []));
  return { tiny, session, traces, sent };
}

describe('the codecs of a session', () => {
  it('are those that its edge reads, and a codec that is asked for is what travels', async () => {
    const { session, sent, traces } = await open(['u8', 'something new'], 1);
    await session.run(feeds, { cut: 0, codec: 'u8' });
    expect(sent()).toEqual([
      { name: 'x', type: 'float32', dims: [2], codec: 'u8', scale: Math.fround(1 / 255), min: 1, numBytes: 2 },
    ]);
    expect(traces[0]).toMatchObject({ cut: 0, codec: 'u8', bytesUp: 2 });
    const offered = new Set(session.explain()?.candidates.map(({ arm }) => arm.codec));
    expect(offered).toEqual(new Set(['f32', 'u8']));
  });

  it('lose nothing unless the app allows it', async () => {
    const { session, sent } = await open(['u8', 'f16']);
    await session.run(feeds);
    await session.run(feeds, { cut: 0 });
    expect(sent().map(({ codec }) => codec)).toEqual(['raw', 'raw']);
    expect(session.explain()?.candidates.find(({ arm }) => arm.codec === 'u8')?.rejected).toBe('constraint');
  });

  it('can be forced together with a cut', async () => {
    const { session, traces } = await open(['u8', 'f16'], 1);
    session.forceCut(0, 'f16');
    await session.run(feeds);
    session.forceCut(0, 'f32');
    await session.run(feeds);
    expect(traces.map(({ codec, bytesUp }) => [codec, bytesUp])).toEqual([
      ['f16', 4],
      ['f32', 8],
    ]);
  });
});

describe('a result that is not raw', () => {
  it('is refused, for nothing here decodes it', async () => {
    const { tiny, session } = await open([]);
    const { header } = encodeTensor({ name: 'y', type: 'float32', dims: [2], data: Float32Array.of(3, 4) }, 'u8');
    tiny.ws.onRequest = (id) => {
      const timings = { uploadMs: 0, queueMs: 0, decodeMs: 0, tailMs: 0, encodeMs: 0, totalMs: 0 };
      const arrivals = { chunks: 1, numBytes: 0, spanMs: 0 };
      const load = session.edge.access.lastLoad as LoadReport;
      tiny.ws.send({ type: 'result', id, tensors: [header], numBytes: 2, timings, arrivals, load });
    };
    await expect(session.run(feeds)).rejects.toMatchObject({
      code: 'edge_error',
      message: expect.stringContaining('"y" came as u8'),
    });
  });
});
