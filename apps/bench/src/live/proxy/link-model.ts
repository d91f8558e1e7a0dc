import { INITIAL_WINDOW_BYTES, restartsAfter } from '@cutpoint/partition';

/** What fits in one Ethernet frame beside the headers of IP and TCP. */
export const SEGMENT_BYTES = 1_460;
/** Far above what any path here holds; without it a window would grow for ever. */
const MAX_WINDOW_BYTES = 2 ** 26;

/** A path, the same in both directions. */
export interface LinkShape {
  /** Payload that a direction carries: bytes of TCP, without the headers. */
  readonly bytesPerMs: number;
  readonly roundTripMs: number;
  /**
   * What one connection has waiting at the bottleneck at most, in ms of its rate: a router that drops what is more makes
   * TCP send no faster. Without it there is no limit: then a download holds up everything behind it until it has ended.
   */
  readonly bufferMs?: number;
}

/** The bottleneck of one direction: what all connections share. */
export class Bottleneck {
  /** When the last segment that was accepted will have left. */
  freeAtMs = Number.NEGATIVE_INFINITY;
}

interface Segment {
  readonly numBytes: number;
  readonly acknowledgedAtMs: number;
}

/**
 * When each segment of one direction of one connection reaches the other end: serialisation at the rate of the link, half
 * a round trip of delay, and TCP's window as far as it delays a transfer. The window begins at ten segments (RFC 6928),
 * grows by what is acknowledged, which doubles it every round trip (RFC 5681, section 3.1), and begins again after an
 * idle of more than the retransmission timeout (section 4.1). Nothing is lost, so slow start never ends in a loss.
 *
 * Pure: it works out times, somebody else keeps them.
 */
export class LinkModel {
  readonly #bottleneck: Bottleneck;
  readonly #inFlight: Segment[] = [];
  #inFlightBytes = 0;
  #windowBytes = INITIAL_WINDOW_BYTES;
  /** Most that was in flight since the window began: a sender that does not fill its window gets no larger one. */
  #filledBytes = 0;
  #lastSentAtMs = Number.NEGATIVE_INFINITY;

  constructor(bottleneck: Bottleneck) {
    this.#bottleneck = bottleneck;
  }

  /**
   * @param numBytes of one segment, at most {@link SEGMENT_BYTES}
   * @param atMs when the sender's application had it ready; never before the one before
   * @returns when its last byte reaches the other end
   */
  push(numBytes: number, atMs: number, { bytesPerMs, roundTripMs }: LinkShape): number {
    if (restartsAfter(atMs - this.#lastSentAtMs, roundTripMs)) this.#restart();
    let sentAtMs = Math.max(atMs, this.#bottleneck.freeAtMs);
    this.#acknowledgeUntil(sentAtMs);
    while (this.#inFlightBytes + numBytes > this.#windowBytes) {
      const acknowledgedAtMs = this.#acknowledgeFirst();
      if (acknowledgedAtMs === undefined) break;
      sentAtMs = Math.max(sentAtMs, acknowledgedAtMs);
    }
    const leftAtMs = sentAtMs + numBytes / bytesPerMs;
    this.#bottleneck.freeAtMs = leftAtMs;
    this.#lastSentAtMs = leftAtMs;
    this.#inFlight.push({ numBytes, acknowledgedAtMs: leftAtMs + roundTripMs });
    this.#inFlightBytes += numBytes;
    this.#filledBytes = Math.max(this.#filledBytes, this.#inFlightBytes);
    return leftAtMs + roundTripMs / 2;
  }

  #restart(): void {
    this.#inFlight.length = 0;
    this.#inFlightBytes = 0;
    this.#filledBytes = 0;
    this.#windowBytes = INITIAL_WINDOW_BYTES;
  }

  #acknowledgeUntil(nowMs: number): void {
    for (let first = this.#inFlight[0]; first && first.acknowledgedAtMs <= nowMs; first = this.#inFlight[0]) {
      this.#acknowledgeFirst();
    }
  }

  #acknowledgeFirst(): number | undefined {
    const first = this.#inFlight.shift();
    if (first === undefined) return undefined;
    // Linux counts a window in slow start as filled from a half on (tcp_is_cwnd_limited).
    if (2 * this.#filledBytes > this.#windowBytes) {
      this.#windowBytes = Math.min(MAX_WINDOW_BYTES, this.#windowBytes + first.numBytes);
    }
    this.#inFlightBytes -= first.numBytes;
    return first.acknowledgedAtMs;
  }
}
