import type { Clock } from '../clock.js';
import type { PictureCodec } from '../codec/picture.js';
import { Backlog } from './backlog.js';
import { CALL_LIMITS_MS } from './call-watch.js';
import { spawnPictureWorker } from './spawn-worker.js';

/** A worker that says nothing for so long is frozen, or its script does not arrive: what the other worker's has, too. */
export const PICTURE_LIMIT_MS = CALL_LIMITS_MS.probe;

/** Asks for a picture of `[h, w, 3]` pixels in `codec`. */
export interface PictureMessage {
  readonly id: number;
  readonly rgb: Uint8Array;
  readonly dims: readonly number[];
  readonly codec: PictureCodec;
}

/** First what the worker can write, then a picture for each that was asked for; without `bytes` it cannot be written so. */
export type PictureAnswer =
  | { readonly codecs: readonly PictureCodec[] }
  | { readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> | undefined };

/** The part of a `Worker` that is used here. */
export interface PictureWorkerLike {
  onmessage: ((event: MessageEvent<PictureAnswer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: PictureMessage): void;
  terminate(): void;
}

/**
 * The page's end of the worker that compresses pictures, which starts when first needed. Where it does not start, freezes or
 * dies, what it was asked for is answered with nothing, and the next picture starts another one.
 */
export class PictureEncoder {
  /** Pictures that it was asked for. */
  readonly work: Backlog;
  readonly #clock: Clock;
  readonly #spawn: () => PictureWorkerLike;
  readonly #waiting = new Map<number, (bytes: Uint8Array<ArrayBuffer> | undefined) => void>();
  #worker: PictureWorkerLike | undefined;
  #codecs: Promise<ReadonlySet<string>> | undefined;
  #onCodecs: ((codecs: ReadonlySet<string>) => void) | undefined;
  #nextId = 1;
  #closed = false;

  constructor(clock: Clock, spawn: () => PictureWorkerLike = spawnPictureWorker) {
    this.#clock = clock;
    this.work = new Backlog(clock);
    this.#spawn = spawn;
  }

  /** Which of `jpeg` and `webp` this browser can write, found out once. */
  codecs(): Promise<ReadonlySet<string>> {
    this.#codecs ??= this.#within(
      new Promise((resolve) => {
        this.#onCodecs = resolve;
        if (!this.#start()) resolve(new Set());
      }),
    );
    return this.#codecs;
  }

  /**
   * Compresses the pixels `[h, w, 3]` of a picture.
   * @returns `undefined` where this browser has no such encoder, or where nothing is gained by it
   */
  compress(
    rgb: Uint8Array,
    dims: readonly number[],
    codec: PictureCodec,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const worker = this.#start();
    if (!worker) return Promise.resolve(undefined);
    const id = this.#nextId++;
    const answer = new Promise<Uint8Array<ArrayBuffer> | undefined>((resolve) => this.#waiting.set(id, resolve));
    // Copied: they may be needed once more, raw.
    worker.postMessage({ id, rgb, dims, codec });
    return this.#within(answer);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #start(): PictureWorkerLike | undefined {
    if (this.#worker || this.#closed) return this.#worker;
    try {
      const worker = this.#spawn();
      worker.onmessage = ({ data }) => this.#onAnswer(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#stop();
      };
      this.#worker = worker;
    } catch {
      // A page may forbid it.
    }
    return this.#worker;
  }

  async #within<T>(answer: Promise<T>): Promise<T> {
    const cancel = this.#clock.after(PICTURE_LIMIT_MS, () => this.#stop());
    try {
      return await answer;
    } finally {
      cancel();
    }
  }

  #onAnswer(answer: PictureAnswer): void {
    if ('codecs' in answer) {
      this.#onCodecs?.(new Set(answer.codecs));
      return;
    }
    this.#waiting.get(answer.id)?.(answer.bytes);
    this.#waiting.delete(answer.id);
  }

  #stop(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#onCodecs?.(new Set());
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
