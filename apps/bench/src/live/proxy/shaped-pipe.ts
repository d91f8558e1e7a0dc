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
  /** Not at the bottleneck yet: its buffer has no room. */
  readonly #held: Buffer[] = [];
  readonly #due: Due[] = [];
  /** Of both. */
  #queuedBytes = 0;
  #dueBytes = 0;
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
    const { from, pacer } = this.#options;
    this.#held.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) from.pause();
    this.#fill(performance.now());
    pacer.wake();
  }

  deliver(nowMs: number): number {
    const { from, to, pacer } = this.#options;
    let count = 0;
    for (let next = this.#due[0]; next && next.atMs <= nowMs; next = this.#due[count]) {
      count += 1;
      this.#queuedBytes -= next.bytes.byteLength;
      this.#dueBytes -= next.bytes.byteLength;
      to.write(next.bytes);
    }
    this.#due.splice(0, count);
    this.#fill(nowMs);
    if (from.isPaused() && this.#queuedBytes < MAX_QUEUED_BYTES / 2) from.resume();
    const [first] = this.#due;
    if (first) return first.atMs;
    if (this.#hasEnded) {
      pacer.remove(this);
      to.end();
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Hands segments to the link as far as its buffer has room. */
  #fill(nowMs: number): void {
    const { shape } = this.#options;
    for (let first = this.#held[0]; first; first = this.#held[0]) {
      const shaped = shape();
      if (shaped && this.#dueBytes > onTheWay(shaped)) return;
      const segment = first.subarray(0, SEGMENT_BYTES);
      if (segment.byteLength < first.byteLength) this.#held[0] = first.subarray(SEGMENT_BYTES);
      else this.#held.shift();
      const atMs = shaped ? this.#model.push(segment.byteLength, nowMs, shaped) : nowMs;
      // When the shape changes meanwhile, nothing overtakes.
      this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
      this.#due.push({ bytes: segment, atMs: this.#lastAtMs });
      this.#dueBytes += segment.byteLength;
    }
  }
}

/** Bytes of one connection that have been sent and have not arrived: in the buffer, and on the line. */
function onTheWay({ bytesPerMs, roundTripMs, bufferMs = Number.POSITIVE_INFINITY }: LinkShape): number {
  return bytesPerMs * (bufferMs + roundTripMs / 2);
}
