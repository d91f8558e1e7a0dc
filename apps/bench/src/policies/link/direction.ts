import { chunkBytesFor } from '@cutpoint/protocol';
import type { RateTrace } from './rate-trace.js';

/** Ten segments of 1,460 bytes: the first window of a TCP sender (RFC 6928). */
export const INITIAL_WINDOW_BYTES = 10 * 1_460;
/**
 * A sender that was idle for longer than its retransmission timeout begins with the first window again (RFC 5681, section
 * 4.1). Linux takes that timeout as the smoothed round trip and at least 200 ms.
 */
export const LEAST_TIMEOUT_MS = 200;

/** One transfer, in ms of the virtual clock. Filled in place: the oracles ask for hundreds a decision. */
export interface Transfer {
  /** The last byte left the sender. */
  sentAtMs: number;
  /** Arrival of the first chunk's and of the last byte at the other end. */
  firstAtMs: number;
  lastAtMs: number;
  /** Congestion window afterwards. */
  windowBytes: number;
}

export function newTransfer(): Transfer {
  return { sentAtMs: 0, firstAtMs: 0, lastAtMs: 0, windowBytes: INITIAL_WINDOW_BYTES };
}

/**
 * One direction of a TCP connection over a bottleneck whose rate is a {@link RateTrace}: a fluid model without loss. In
 * slow start a sender has one window in flight, and twice as much each round trip, until the window holds the pipe.
 */
export class Direction {
  readonly trace: RateTrace;
  readonly roundTripMs: number;
  #windowBytes = INITIAL_WINDOW_BYTES;
  #lastSentAtMs = Number.NEGATIVE_INFINITY;

  constructor(trace: RateTrace, roundTripMs: number) {
    this.trace = trace;
    this.roundTripMs = roundTripMs;
  }

  /** ms since the last byte was sent. */
  idleMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#lastSentAtMs);
  }

  /** What a transfer would do that begins now; nothing is remembered. `trace` stands in for the link's own. */
  plan(startMs: number, numBytes: number, into: Transfer, trace: RateTrace = this.trace): Transfer {
    const { roundTripMs } = this;
    const restarts = startMs - this.#lastSentAtMs > LEAST_TIMEOUT_MS + roundTripMs;
    // Behind what is still being sent.
    let roundStartMs = Math.max(startMs, this.#lastSentAtMs);
    const chunkBytes = Math.min(numBytes, chunkBytesFor(numBytes));
    let window = restarts ? INITIAL_WINDOW_BYTES : this.#windowBytes;
    let left = numBytes;
    let firstSentAtMs = -1;
    for (;;) {
      const sent = Math.min(window, left);
      let doneMs = trace.finishAt(roundStartMs, sent);
      const isFull = sent < left && doneMs >= roundStartMs + roundTripMs;
      if (firstSentAtMs < 0 && (isFull || numBytes - left + sent >= chunkBytes)) {
        firstSentAtMs = trace.finishAt(roundStartMs, chunkBytes - (numBytes - left));
      }
      left -= sent;
      window += sent;
      if (isFull) {
        // Acknowledgements come back before the window is used up: from here on only the rate counts.
        doneMs = trace.finishAt(doneMs, left);
        left = 0;
      }
      if (left <= 0) {
        into.sentAtMs = doneMs;
        into.firstAtMs = firstSentAtMs + roundTripMs / 2;
        into.lastAtMs = doneMs + roundTripMs / 2;
        into.windowBytes = window;
        return into;
      }
      roundStartMs = Math.max(doneMs, roundStartMs + roundTripMs);
    }
  }

  /** Remembers that a planned transfer really took place. */
  commit({ sentAtMs, windowBytes }: Transfer): void {
    this.#lastSentAtMs = sentAtMs;
    this.#windowBytes = windowBytes;
  }
}
