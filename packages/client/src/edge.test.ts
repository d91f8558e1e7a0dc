import { afterEach, expect, it } from 'vitest';
import type { SharedEdge } from './edge.js';
import { openTinyEdge, TinyEdge } from './testing/tiny-edge.js';

let tiny: TinyEdge | undefined;
let edge: SharedEdge | undefined;
afterEach(async () => {
  edge?.access.release();
  await tiny?.close();
});

it('hands all that a pushed load report says to whoever decides, also before and after a model is known', async () => {
  tiny = await TinyEdge.listen();
  edge = await openTinyEdge(tiny);
  const report = { atMs: 0, queueDepth: 2, inFlight: 1, workers: 1, cpuUtilisation: 1 };
  const pushed = async (load: object) => {
    const seen = new Promise<void>((resolve) => {
      const stop = edge?.connection.events.on('load', () => {
        stop?.();
        resolve();
      });
    });
    tiny?.ws.send({ type: 'load', load: { ...report, ...load } });
    await seen;
  };
  await pushed({
    queueMs: 40,
    announcedMs: 70,
    busy: 0.5,
    residualMs: 9,
    k: { tiny: 3, other: 9 },
    kWithQueue: { tiny: 7, other: 99 },
    clients: 6,
    gpuUtilisation: 0.8,
  });
  const { load } = edge.knowledgeOf('tiny');
  const nowMs = edge.clock.now();
  // It drains from the moment at which it was reported.
  expect(load.queue(nowMs).value).toBeCloseTo(40, 0);
  expect(load.k(nowMs).value).toBe(3);
  expect(load.kWithQueue(nowMs).value).toBe(7);
  expect(load.announcedMs(nowMs)).toBe(70);
  expect(load.residualMs(nowMs)).toBe(9);
  expect(load).toMatchObject({ busy: 0.5, gpuUtilisation: 0.8, clients: 6 });

  // What is of this page's own tails is taken out, of the next report on.
  edge.connection.events.emit('ownTailMs', 200);
  await pushed({ queueMs: 40, busy: 0.5, residualMs: 20, k: { tiny: 3 }, gpuUtilisation: 0.8 });
  expect(load.busy).toBeLessThan(0.5);
  expect(load.busy).toBeGreaterThan(0.3);
  expect(load.residualMs(edge.clock.now())).toBeLessThan(9);

  // An edge of an earlier version says less, and what is not said is not made up.
  await pushed({ queueMs: 20, k: { tiny: 2 }, gpuUtilisation: null });
  expect(load.k(edge.clock.now()).value).toBe(2);
  expect(load.queue(edge.clock.now()).value).toBeCloseTo(20, 0);
});
