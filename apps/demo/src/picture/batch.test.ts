import { CutpointError } from '@cutpoint/client';
import { describe, expect, it, vi } from 'vitest';
import type { Reading } from '../networks/answer.js';
import { Batch } from './batch.js';
import { type Picture, PictureError } from './picture.js';

const answered: Reading = { answer: { kind: 'labels', labels: [] }, totalMs: 1, traces: [] };
const never = new AbortController().signal;

/** A batch of named files; the one called `bad` is no picture. `open` says how many bitmaps live, and at most lived. */
function batchOf(...names: string[]) {
  const open = { now: 0, most: 0 };
  const decode = async (_file: File, name: string): Promise<Picture> => {
    if (name === 'bad') throw new PictureError('not_a_picture', `${name} is no picture`);
    open.now++;
    open.most = Math.max(open.most, open.now);
    // Node has no bitmaps.
    return { name, bitmap: { close: () => open.now-- } as unknown as ImageBitmap };
  };
  const onChange = vi.fn();
  const files = names.map((name) => new File(['x'], name));
  const batch = new Batch(files, { describe: () => 'read', onRead: vi.fn(), onChange, decode });
  const states = () => batch.items.map(({ state }) => state);
  return { batch, open, states };
}

describe('Batch', () => {
  it('reads one after the other, with one bitmap at a time', async () => {
    const { batch, open, states } = batchOf('a', 'b', 'c');
    const order: string[] = [];
    await batch.run(async ({ name }) => {
      order.push(name);
      return answered;
    }, never);
    expect(order).toEqual(['a', 'b', 'c']);
    expect(states()).toEqual(['done', 'done', 'done']);
    expect(open).toEqual({ now: 0, most: 1 });
    expect(batch.isOver).toBe(true);
  });

  it('says which pictures failed and why, and goes on', async () => {
    const { batch, open } = batchOf('a', 'bad', 'odd', 'd');
    await batch.run(async ({ name }) => {
      if (name === 'odd') throw new CutpointError('bad_image', 'too odd');
      return answered;
    }, never);
    expect(batch.items.map(({ state, words }) => [state, words])).toEqual([
      ['done', 'read'],
      ['failed', 'bad is no picture'],
      ['failed', 'too odd'],
      ['done', 'read'],
    ]);
    expect(open.now).toBe(0);
  });

  it('stops at once: what is under way is aborted, what waits is left out, what is done stays', async () => {
    const { batch, open, states } = batchOf('a', 'b', 'c');
    const run = batch.run((picture, signal) => {
      if (picture.name === 'a') return Promise.resolve(answered);
      setTimeout(() => batch.stop());
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }, never);
    await run;
    expect(states()).toEqual(['done', 'stopped', 'stopped']);
    expect(open.now).toBe(0);
  });

  it('goes on where it was after the edge was away, or after the run was begun anew', async () => {
    const { batch, states } = batchOf('a', 'b');
    const away = new CutpointError('edge_unreachable', 'gone');
    await expect(batch.run(() => Promise.reject(away), never)).rejects.toBe(away);
    expect(states()).toEqual(['waiting', 'waiting']);

    const changed = new AbortController();
    const begun = batch.run((_, signal) => {
      changed.abort();
      return Promise.reject(signal.reason);
    }, changed.signal);
    await expect(begun).rejects.toThrow();
    expect(states()).toEqual(['waiting', 'waiting']);

    await batch.run(async () => answered, never);
    expect(states()).toEqual(['done', 'done']);
  });
});
