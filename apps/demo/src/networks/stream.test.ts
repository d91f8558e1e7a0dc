import type { FrameSource, ImageResult, ImageSource, Session, StreamOptions, StreamResult } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../picture/picture.js';
import { streamPictures } from './stream.js';

/** A session that drops each second frame, and whose results are only names. */
class EverySecond implements Pick<Session, 'stream'> {
  async *stream(
    source: FrameSource<ImageSource>,
    { onDrop }: StreamOptions = {},
  ): AsyncGenerator<StreamResult<ImageResult>> {
    let frame = 0;
    for await (const _ of source as AsyncIterable<ImageSource>) {
      if (frame % 2 === 0) yield { frame, dropped: frame === 0 ? 0 : 1, result: {} as ImageResult };
      else onDrop?.(frame);
      frame++;
    }
  }
}

/** Frames by name; `open` are those whose bitmap nobody closed yet. */
function film(length: number) {
  const open = new Set<string>();
  async function* frames(): AsyncGenerator<Picture> {
    for (let index = 0; index < length; index++) {
      const name = `frame ${index}`;
      open.add(name);
      yield { name, bitmap: { close: () => open.delete(name) } as unknown as ImageBitmap };
    }
  }
  return { open, frames: frames() };
}

const never = new AbortController().signal;

describe('streamPictures', () => {
  it('gives each result with its own picture, open while it is looked at', async () => {
    const { open, frames } = film(5);
    const seen: [string, boolean, number][] = [];
    for await (const { picture, dropped } of streamPictures(new EverySecond(), frames, never)) {
      seen.push([picture.name, open.has(picture.name), dropped]);
    }
    expect(seen).toEqual([
      ['frame 0', true, 0],
      ['frame 2', true, 1],
      ['frame 4', true, 1],
    ]);
    expect(open.size).toBe(0);
  });

  it('closes dropped frames at once, and all when the stream is left', async () => {
    const { open, frames } = film(100);
    for await (const { picture } of streamPictures(new EverySecond(), frames, never)) {
      expect(open.size).toBe(1);
      if (picture.name === 'frame 6') break;
    }
    expect(open.size).toBe(0);
  });

  it('passes on what the camera throws, and leaves nothing open', async () => {
    const { open, frames } = film(1);
    async function* pulledOut(): AsyncGenerator<Picture> {
      yield* frames;
      throw new Error('gone');
    }
    const read = async (): Promise<void> => {
      for await (const _ of streamPictures(new EverySecond(), pulledOut(), never));
    };
    await expect(read()).rejects.toThrow('gone');
    expect(open.size).toBe(0);
  });
});
