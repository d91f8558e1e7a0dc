import type { ImageResult, Session } from '@cutpoint/client';
import type { Picture } from '../picture/picture.js';

/** What the network gave for one frame. */
export interface StreamedPicture {
  readonly picture: Picture;
  /** By this page's clock. */
  readonly takenAtMs: number;
  readonly result: ImageResult;
  readonly dropped: number;
}

/**
 * `session.stream` with the pictures that its results are of. A bitmap lives until its result was used, until a newer
 * frame took its place, or until the stream is over: nothing else would free the memory of frames in time.
 *
 * @throws what `session.stream` and `frames` throw
 */
export async function* streamPictures(
  session: Pick<Session, 'stream'>,
  frames: AsyncIterable<Picture>,
  signal: AbortSignal,
  maxInFlight?: number,
): AsyncGenerator<StreamedPicture, void> {
  const open = new Map<number, { readonly picture: Picture; readonly takenAtMs: number }>();
  const close = (frame: number): void => {
    open.get(frame)?.picture.bitmap.close();
    open.delete(frame);
  };
  async function* bitmaps(): AsyncGenerator<ImageBitmap, void> {
    let frame = 0;
    for await (const picture of frames) {
      open.set(frame++, { picture, takenAtMs: performance.now() });
      yield picture.bitmap;
    }
  }
  const limit = maxInFlight === undefined ? {} : { maxInFlight };
  try {
    for await (const { frame, result, dropped } of session.stream(bitmaps(), { signal, onDrop: close, ...limit })) {
      const taken = open.get(frame);
      if (taken) yield { ...taken, result, dropped };
      close(frame);
    }
  } finally {
    for (const frame of [...open.keys()]) close(frame);
  }
}
