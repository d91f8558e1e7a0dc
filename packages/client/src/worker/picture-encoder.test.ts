import { describe, expect, test } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import {
  PICTURE_LIMIT_MS,
  type PictureAnswer,
  PictureEncoder,
  type PictureMessage,
  type PictureWorkerLike,
} from './picture-encoder.js';

/** A worker that says what the test wants. What the real one makes of pictures is tested in a browser. */
class SilentWorker implements PictureWorkerLike {
  onmessage: ((event: MessageEvent<PictureAnswer>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly asked: PictureMessage[] = [];
  isTerminated = false;

  postMessage(message: PictureMessage): void {
    this.asked.push(message);
  }

  say(data: PictureAnswer): void {
    this.onmessage?.({ data } as MessageEvent<PictureAnswer>);
  }

  die(): void {
    this.onerror?.(new Event('error', { cancelable: true }) as ErrorEvent);
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

const RGB = new Uint8Array(12);
const DIMS = [2, 2, 3];

function fresh() {
  const clock = new ManualClock();
  const workers: SilentWorker[] = [];
  const encoder = new PictureEncoder(clock, () => {
    const worker = new SilentWorker();
    workers.push(worker);
    return worker;
  });
  return { clock, workers, encoder };
}

describe('the encoder of pictures', () => {
  test('starts no worker before it is needed, and one for all', async () => {
    const { workers, encoder } = fresh();
    expect(workers).toHaveLength(0);
    const codecs = encoder.codecs();
    workers[0]?.say({ codecs: ['jpeg'] });
    expect(await codecs).toEqual(new Set(['jpeg']));
    expect(encoder.codecs()).toBe(codecs);
    const both = [encoder.compress(RGB, DIMS, 'jpeg'), encoder.compress(RGB, DIMS, 'jpeg')];
    const ids = workers[0]?.asked.map(({ id }) => id) ?? [];
    workers[0]?.say({ id: ids[1] ?? 0, bytes: Uint8Array.of(2) });
    workers[0]?.say({ id: ids[0] ?? 0, bytes: Uint8Array.of(1) });
    expect(await Promise.all(both)).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    expect(workers).toHaveLength(1);
  });

  test('answers with nothing when the worker dies, and starts another one for the next picture', async () => {
    const { workers, encoder } = fresh();
    const lost = encoder.compress(RGB, DIMS, 'jpeg');
    workers[0]?.die();
    expect(await lost).toBeUndefined();
    expect(workers[0]?.isTerminated).toBe(true);
    const next = encoder.compress(RGB, DIMS, 'jpeg');
    workers[1]?.say({ id: workers[1]?.asked[0]?.id ?? 0, bytes: Uint8Array.of(7) });
    expect(await next).toEqual(Uint8Array.of(7));
  });

  test('waits for a frozen worker only so long', async () => {
    const { clock, workers, encoder } = fresh();
    const codecs = encoder.codecs();
    const picture = encoder.compress(RGB, DIMS, 'webp');
    clock.advance(PICTURE_LIMIT_MS);
    expect(await codecs).toEqual(new Set());
    expect(await picture).toBeUndefined();
    expect(workers[0]?.isTerminated).toBe(true);
  });

  test('does without where a page may not start workers', async () => {
    const encoder = new PictureEncoder(new ManualClock(), () => {
      throw new DOMException('not here', 'SecurityError');
    });
    expect(await encoder.codecs()).toEqual(new Set());
    expect(await encoder.compress(RGB, DIMS, 'jpeg')).toBeUndefined();
  });

  test('settles what is under way when it is closed, and starts nothing any more', async () => {
    const { workers, encoder } = fresh();
    const picture = encoder.compress(RGB, DIMS, 'jpeg');
    encoder.close();
    expect(await picture).toBeUndefined();
    expect(await encoder.compress(RGB, DIMS, 'jpeg')).toBeUndefined();
    expect(workers).toHaveLength(1);
  });
});
