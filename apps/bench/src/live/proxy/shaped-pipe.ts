import type { Socket } from 'node:net';
import { type Bottleneck, LinkModel, type LinkShape, SEGMENT_BYTES } from './link-model.js';
import type { Paced, Pacer } from './pacer.js';

/** More than this on its way, and the sender is not read from until half of it has arrived. */
const MAX_QUEUED_BYTES = 8 * 2 ** 20;

interface Due {
  readonly bytes: Buffer;
  readonly atMs: number;
}

export interface PipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly bottleneck: Bottleneck;
  readonly pacer: Pacer;
  /** Asked for every segment; `undefined` for an open road. */
  readonly shape: () => LinkShape | undefined;
}

/** One direction of one connection: every segment is handed on at the moment at which a real link would have. */
export class ShapedPipe implements Paced {
  readonly #options: PipeOptions;
  readonly #model: LinkModel;
  readonly #due: Due[] = [];
  #queuedBytes = 0;
  #lastAtMs = 0;
  #hasEnded = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#model = new LinkModel(options.bottleneck);
    const { from, to, pacer } = options;
    pacer.add(this);
    from.on('data', (bytes: Buffer) => this.push(bytes));
    from.once('end', () => {
      this.#hasEnded = true;
      pacer.wake();
    });
    to.once('close', () => pacer.remove(this));
  }

  push(bytes: Buffer): void {
    const nowMs = performance.now();
    const { from, pacer, shape } = this.#options;
    for (let at = 0; at < bytes.byteLength; at += SEGMENT_BYTES) {
      const segment = bytes.subarray(at, at + SEGMENT_BYTES);
      const shaped = shape();
      const atMs = shaped ? this.#model.push(segment.byteLength, nowMs, shaped) : nowMs;
      // When the shape changes meanwhile, nothing overtakes.
      this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
      this.#due.push({ bytes: segment, atMs: this.#lastAtMs });
    }
    this.#queuedBytes += bytes.byteLength;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) from.pause();
    pacer.wake();
  }

  deliver(nowMs: number): number {
    const { from, to, pacer } = this.#options;
    let count = 0;
    for (let next = this.#due[0]; next && next.atMs <= nowMs; next = this.#due[count]) {
      count += 1;
      this.#queuedBytes -= next.bytes.byteLength;
      to.write(next.bytes);
    }
    this.#due.splice(0, count);
    if (from.isPaused() && this.#queuedBytes < MAX_QUEUED_BYTES / 2) from.resume();
    const [first] = this.#due;
    if (first) return first.atMs;
    if (this.#hasEnded) {
      pacer.remove(this);
      to.end();
    }
    return Number.POSITIVE_INFINITY;
  }
}
