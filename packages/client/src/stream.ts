import { DEFAULT_STREAM_OPTIONS } from './defaults.js';
import { CutpointError } from './errors.js';

/** Frames of a stream: a `ReadableStream`, an async generator, or anything else that can be iterated so. */
export type FrameSource<Frame> = AsyncIterable<Frame> | ReadableStream<Frame>;

/** Of {@link Session.stream}. */
export interface StreamOptions {
  /** Ends the stream: its iteration rejects with `aborted`, and what is under way is given up. */
  readonly signal?: AbortSignal;
  /** {@link RunOptions.traceparent}, of each frame. */
  readonly traceparent?: string | undefined;
  /** Frames under way at a time, in head, upload or tail. Default {@link DEFAULT_STREAM_OPTIONS}. */
  readonly maxInFlight?: number;
  /**
   * A frame that failed, by its number, with the error of its run; the stream goes on. Without it the first failure ends
   * the stream, as does an error that is thrown here.
   */
  readonly onError?: (error: CutpointError, frame: number) => void;
  /** A frame that gives no result because of a newer one: it came before there was room for this one, or was done before. */
  readonly onDrop?: (frame: number) => void;
}

/** One frame's answer. */
export interface StreamResult<Result> {
  /** Number of the frame in the source, from 0. */
  readonly frame: number;
  /** Frames that were dropped since the last result. */
  readonly dropped: number;
  readonly result: Result;
}

interface Waiting<Frame> {
  readonly frame: Frame;
  readonly number: number;
}

/**
 * Runs the frames of a source, several under way at a time, so that head, upload and tail of successive frames overlap.
 * When there is no room the newest frame wins: it takes the place of the one that waits. Results come in the order of
 * the frames; one that is overtaken by a later frame's is left out, and counted as dropped.
 *
 * A result that is not taken yet keeps its room, so a consumer that is slow slows the stream down instead of filling memory.
 *
 * @param run one inference; it must settle when its signal is aborted
 * @throws CutpointError `aborted`; what `run` throws, when there is no `onError`; what the source throws
 */
export async function* streamFrames<Frame, Result>(
  source: FrameSource<Frame>,
  run: (frame: Frame, signal: AbortSignal) => Promise<Result>,
  { signal, maxInFlight = DEFAULT_STREAM_OPTIONS.maxInFlight, onError, onDrop }: StreamOptions = {},
): AsyncGenerator<StreamResult<Result>, void, undefined> {
  if (!(maxInFlight >= 1)) throw new RangeError(`maxInFlight must be at least 1, not ${maxInFlight}`);
  const stream = new Stream(source, run, { signal, maxInFlight, onError, onDrop });
  try {
    for (let next = await stream.next(); next; next = await stream.next()) yield next;
  } finally {
    stream.stop();
  }
}

interface StreamParts {
  readonly signal: AbortSignal | undefined;
  readonly maxInFlight: number;
  readonly onError: ((error: CutpointError, frame: number) => void) | undefined;
  readonly onDrop: ((frame: number) => void) | undefined;
}

class Stream<Frame, Result> {
  readonly #run: (frame: Frame, signal: AbortSignal) => Promise<Result>;
  readonly #parts: StreamParts;
  readonly #frames: AsyncIterator<Frame>;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #waiting: Waiting<Frame> | undefined;
  /** Answers that nobody took yet, in the order of their frames. */
  #done: { readonly number: number; readonly result: Result }[] = [];
  #inFlight = 0;
  #lastGiven = -1;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #dropped = 0;

  constructor(
    source: FrameSource<Frame>,
    run: (frame: Frame, signal: AbortSignal) => Promise<Result>,
    parts: StreamParts,
  ) {
    this.#run = run;
    this.#parts = parts;
    this.#frames = iteratorOf(source);
    const { signal } = parts;
    this.#signal = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    else void this.#pump();
  }

  /** `undefined` when the source has ended and everything was given. */
  async next(): Promise<StreamResult<Result> | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      const first = this.#done.shift();
      if (first) return this.#give(first);
      if (this.#isOver && this.#inFlight === 0 && !this.#waiting) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  stop(): void {
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    this.#ended.abort(CutpointError.closed('stream'));
    this.#waiting = undefined;
    // What the source still has is its own; a source that hangs must not keep the consumer.
    this.#frames.return?.().catch(() => {});
  }

  readonly #onAbort = (): void => this.#fail(CutpointError.aborted(this.#parts.signal));

  #give({ number, result }: { readonly number: number; readonly result: Result }): StreamResult<Result> {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#lastGiven = number;
    this.#leave();
    return { frame: number, dropped, result };
  }

  async #pump(): Promise<void> {
    try {
      for (let number = 0; !this.#signal.aborted; number++) {
        const { done, value } = await this.#frames.next();
        if (done) break;
        if (this.#waiting) this.#drop(this.#waiting.number);
        this.#waiting = { frame: value, number };
        this.#startWhatCan();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isOver = true;
    this.#notify();
  }

  #startWhatCan(): void {
    const waiting = this.#waiting;
    if (!waiting || this.#inFlight >= this.#parts.maxInFlight || this.#failure || this.#signal.aborted) return;
    this.#waiting = undefined;
    this.#inFlight += 1;
    const { frame, number } = waiting;
    this.#run(frame, this.#signal).then(
      (result) => this.#settled(number, result),
      (error: unknown) => this.#failed(number, error),
    );
  }

  #settled(number: number, result: Result): void {
    if (number < this.#lastGiven) {
      this.#drop(number);
      this.#leave();
      return;
    }
    this.#done.push({ number, result });
    this.#done.sort((a, b) => a.number - b.number);
    this.#notify();
  }

  #failed(number: number, error: unknown): void {
    const { onError } = this.#parts;
    if (onError && error instanceof CutpointError && !this.#signal.aborted) this.#tell(() => onError(error, number));
    else this.#fail(error);
    this.#leave();
  }

  /** What the app's own functions throw ends the stream, and breaks nothing here. */
  #tell(listen: () => void): void {
    try {
      listen();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  #drop(number: number): void {
    this.#dropped += 1;
    this.#tell(() => this.#parts.onDrop?.(number));
  }

  /** There is room for one more. */
  #leave(): void {
    this.#inFlight -= 1;
    this.#startWhatCan();
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** A `ReadableStream`'s own iterator, where the browser has one, ends only after the frame that it waits for. */
function iteratorOf<Frame>(source: FrameSource<Frame>): AsyncIterator<Frame> {
  if (!('getReader' in source)) return source[Symbol.asyncIterator]();
  const reader = source.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? { done: true, value: undefined } : { done: false, value };
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
