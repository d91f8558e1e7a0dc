import type { TransferSample } from '../estimators/link.js';
import { INITIAL_WINDOW_BYTES } from '../slow-start.js';

/** When the last of `numBytes` leaves a sender that was idle: window by window, each once the one before is acknowledged. */
export function sendAfterIdle(numBytes: number, roundTripMs: number, bytesPerMs: number): number {
  let sent = 0;
  let lineFreeAtMs = 0;
  let windowOpensAtMs = 0;
  for (let window = INITIAL_WINDOW_BYTES; sent < numBytes; window *= 2) {
    const startMs = Math.max(lineFreeAtMs, windowOpensAtMs);
    const part = Math.min(window, numBytes - sent);
    lineFreeAtMs = startMs + part / bytesPerMs;
    // The first byte of this window is acknowledged a round trip after it left; from then on the next may go out.
    windowOpensAtMs = startMs + roundTripMs;
    sent += part;
  }
  return lineFreeAtMs;
}

/** What a receiver stamps of a transfer by a sender that was idle. */
export function afterIdle(allBytes: number, roundTripMs: number, rate: number, chunks = 8): TransferSample {
  const firstBytes = Math.ceil(allBytes / chunks);
  const spanMs = sendAfterIdle(allBytes, roundTripMs, rate) - sendAfterIdle(firstBytes, roundTripMs, rate);
  return { numBytes: allBytes - firstBytes, spanMs, chunks, idleMs: 1_000 };
}
