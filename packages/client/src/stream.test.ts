import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CutpointError } from './errors.js';
import { streamFrames } from './stream.js';

/** Runs that end when the test says so. */
class Runs {
  readonly begun: number[] = [];
  most = 0;
  #open = new Map<number, { resolve: (value: string) => void; reject: (error: unknown) => void }>();

  readonly run = (frame: number, signal: AbortSignal): Promise<string> => {
    this.begun.push(frame);
    return new Promise((resolve, reject) => {
      this.#open.set(frame, { resolve, reject });
      this.most = Math.max(this.most, this.#open.size);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };

  async finish(frame: number): Promise<void> {
    this.#open.get(frame)?.resolve(`answer ${frame}`);
    this.#open.delete(frame);
    await turn();
  }

  async fail(frame: number, error: unknown): Promise<void> {
    this.#open.get(frame)?.reject(error);
    this.#open.delete(frame);
    await turn();
  }
}

/** A camera: frames come when the test says so, whether anybody asks or not. */
class Camera {
  isClosed = false;
  #sink: ReadableStreamDefaultController<number> | undefined;
  readonly frames = new ReadableStream<number>({
    start: (sink) => {
      this.#sink = sink;
    },
    cancel: () => {
      this.isClosed = true;
    },
  });

  async shoot(...frames: number[]): Promise<void> {
    for (const frame of frames) {
      this.#sink?.enqueue(frame);
      await turn();
    }
  }

  async end(): Promise<void> {
    this.#sink?.close();
    await turn();
  }
}

async function* counted(count: number) {
  for (let frame = 0; frame < count; frame++) yield frame;
}

describe('a stream', () => {
  it('has several frames under way, no more than it may, and gives answers in the order of frames', async () => {
    const [camera, runs] = [new Camera(), new Runs()];
    const stream = streamFrames(camera.frames, runs.run, { maxInFlight: 2 });
    const first = stream.next();
    await camera.shoot(0, 1);
    expect(runs.begun).toEqual([0, 1]);
    await runs.finish(0);
    expect(await first).toMatchObject({ value: { frame: 0, dropped: 0, result: 'answer 0' } });
    await camera.shoot(2);
    expect(runs.begun).toEqual([0, 1, 2]);
    expect(runs.most).toBe(2);
    await runs.finish(1);
    expect((await stream.next()).value).toMatchObject({ frame: 1 });
    await stream.return();
  });

  it('drops what is stale: of the frames that wait only the newest is begun, and each one that is not is told', async () => {
    const [camera, runs] = [new Camera(), new Runs()];
    const dropped: number[] = [];
    const stream = streamFrames(camera.frames, runs.run, { maxInFlight: 1, onDrop: (frame) => dropped.push(frame) });
    const first = stream.next();
    await camera.shoot(0, 1, 2, 3);
    await runs.finish(0);
    expect((await first).value).toMatchObject({ frame: 0, dropped: 2 });
    const second = stream.next();
    await turn();
    expect(runs.begun).toEqual([0, 3]);
    expect(dropped).toEqual([1, 2]);
    await runs.finish(3);
    expect((await second).value).toMatchObject({ frame: 3, dropped: 0 });
    await stream.return();
  });

  it('leaves out an answer that a later frame has overtaken', async () => {
    const [camera, runs] = [new Camera(), new Runs()];
    const stream = streamFrames(camera.frames, runs.run, { maxInFlight: 3 });
    const first = stream.next();
    await camera.shoot(0, 1);
    await runs.finish(1);
    expect((await first).value).toMatchObject({ frame: 1 });
    const second = stream.next();
    await runs.finish(0);
    await camera.shoot(2);
    await runs.finish(2);
    expect((await second).value).toMatchObject({ frame: 2, dropped: 1 });
    await stream.return();
  });

  it('begins nothing for a consumer that does not take its answers', async () => {
    const [camera, runs] = [new Camera(), new Runs()];
    const stream = streamFrames(camera.frames, runs.run, { maxInFlight: 2 });
    const first = stream.next();
    await camera.shoot(0, 1);
    await runs.finish(0);
    await first;
    await runs.finish(1);
    await camera.shoot(2, 3, 4);
    // The answer to frame 1 waits to be taken and keeps its room.
    expect(runs.begun).toEqual([0, 1, 2]);
    await stream.return();
  });

  it('ends with its source, after the last answer', async () => {
    const answers: number[] = [];
    for await (const { frame } of streamFrames(counted(5), async (frame) => frame, { maxInFlight: 8 })) {
      answers.push(frame);
    }
    expect(answers.at(-1)).toBe(4);
    const camera = new Camera();
    const runs = new Runs();
    const stream = streamFrames(camera.frames, runs.run);
    const only = stream.next();
    await camera.shoot(0);
    await camera.end();
    await runs.finish(0);
    expect((await only).value).toMatchObject({ frame: 0 });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('ends with the first failure, or goes on when failures are wanted', async () => {
    const error = new CutpointError('overloaded', 'full');
    const strict = new Runs();
    const camera = new Camera();
    const stream = streamFrames(camera.frames, strict.run);
    const first = expect(stream.next()).rejects.toBe(error);
    await camera.shoot(0);
    await strict.fail(0, error);
    await first;
    expect(camera.isClosed).toBe(true);

    const [patient, other, errors] = [new Runs(), new Camera(), [] as [CutpointError, number][]];
    const goesOn = streamFrames(other.frames, patient.run, {
      onError: (failure, frame) => errors.push([failure, frame]),
    });
    const second = goesOn.next();
    await other.shoot(0, 1);
    await patient.fail(0, error);
    await patient.finish(1);
    expect((await second).value).toMatchObject({ frame: 1 });
    expect(errors).toEqual([[error, 0]]);
    await goesOn.return();
  });

  it('ends at once when it is aborted, or left: what is under way is given up, and the source is told', async () => {
    const [camera, runs, control] = [new Camera(), new Runs(), new AbortController()];
    const stream = streamFrames(camera.frames, runs.run, { signal: control.signal });
    const next = expect(stream.next()).rejects.toMatchObject({ code: 'aborted' });
    await camera.shoot(0);
    control.abort();
    await next;
    expect(camera.isClosed).toBe(true);

    const left = new Camera();
    const given: AbortSignal[] = [];
    void left.shoot(0);
    for await (const { result } of streamFrames(left.frames, async (frame, signal) => {
      given.push(signal);
      void left.shoot(frame + 1);
      return frame;
    })) {
      if (result === 0) break;
    }
    expect(left.isClosed).toBe(true);
    expect(given.every(({ aborted }) => aborted)).toBe(true);
  }, 2_000);

  it('ends with what the listeners of the app throw, and begins nothing more', async () => {
    const [camera, runs] = [new Camera(), new Runs()];
    const stream = streamFrames(camera.frames, runs.run, {
      maxInFlight: 1,
      onDrop: () => {
        throw new Error('no such canvas');
      },
    });
    const next = expect(stream.next()).rejects.toThrow('no such canvas');
    await camera.shoot(0, 1, 2);
    await runs.finish(0);
    await next;
    expect(runs.begun).toEqual([0]);
  });

  it('tells what its source throws', async () => {
    async function* broken() {
      yield 0;
      throw new Error('the camera is gone');
    }
    const stream = streamFrames(broken(), () => new Promise<string>(() => {}));
    await expect(stream.next()).rejects.toThrow('the camera is gone');
  });

  it('refuses to have no frame under way', async () => {
    await expect(streamFrames(counted(1), async () => 1, { maxInFlight: 0 }).next()).rejects.toThrow('maxInFlight');
  });
});
