import { Controller } from '@cutpoint/partition';
import { afterEach, describe, expect, it } from 'vitest';
import { armsOf } from '../arms.js';
import { openTinyEdge, TinyEdge, tinyHead } from '../testing/tiny-edge.js';
import { BlockedCuts } from './blocked-cuts.js';
import { headSpec } from './head-store.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const { signal } = new AbortController();

async function open() {
  const tiny = await TinyEdge.listen();
  cleanups.push(() => tiny.close());
  const edge = await openTinyEdge(tiny, tinyHead);
  cleanups.push(() => edge.access.release());
  const { heads, runtime } = edge;
  const { manifest, table } = tiny;
  const [variant] = manifest.variants;
  if (!variant) throw new Error('the model has no variant');
  const controller = new Controller(armsOf(table, variant, new Set()), { policy: 'cutpoint', link: edge.link });
  const blocked = new BlockedCuts({ heads, runtime, variant, controller });
  cleanups.push(() => blocked.close());
  const prepare = (id: number) => {
    const cut = table.cuts[id];
    if (!cut) throw new Error(`the model has no cut ${id}`);
    return heads.prepare(headSpec(manifest, variant, cut, 'wasm', table), () => {});
  };
  const head = await prepare(1);
  return { heads, runtime, variant, controller, blocked, prepare, head };
}

describe('the head of a cut that shares its worker with one that is being built', () => {
  it('is not ready until that is there', async () => {
    const { runtime, controller, blocked, prepare } = await open();
    controller.setReady(1, true);
    const wasReady: boolean[] = [];
    runtime.events.on('blocked', () => wasReady.push(controller.isReady(1)));
    const building = prepare(2);
    let isFree = false;
    runtime.events.on('blocked', () => {
      void blocked.until(1, signal).then(() => {
        isFree = controller.isReady(1);
      });
    });
    await building;
    await Promise.resolve();
    expect(wasReady).toEqual([false]);
    expect(controller.isReady(1)).toBe(true);
    expect(isFree).toBe(true);
  });

  it('stays as it was when it was not ready, or is gone', async () => {
    const { heads, runtime, variant, controller, blocked, prepare, head } = await open();
    const building = prepare(2);
    let isFree = false;
    runtime.events.on('blocked', () => {
      void blocked.until(1, signal).then(() => {
        isFree = true;
      });
    });
    await building;
    expect(isFree).toBe(true);
    expect(controller.isReady(1)).toBe(false);
    controller.setReady(1, true);
    runtime.events.emit('blocked', [head.key]);
    heads.releaseVariants([variant]);
    runtime.events.emit('freed', [head.key]);
    await blocked.until(1, signal);
    expect(controller.isReady(1)).toBe(false);
  });

  it('is waited for until whoever waits gives up', async () => {
    const { runtime, controller, blocked, head } = await open();
    controller.setReady(1, true);
    runtime.events.emit('blocked', [head.key]);
    const abort = new AbortController();
    const caught = expect(blocked.until(1, abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await caught;
  });
});
