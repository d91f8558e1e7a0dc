import type { EdgeTimings } from '@cutpoint/protocol';
import type { TailOutcome } from '../dispatcher/dispatcher.js';

/** When a request was announced, and when its payload was whole. */
interface Uploaded {
  readonly announcedAtMs: number;
  readonly lastChunkAtMs: number;
}

/** The stages of a request that was answered, in ms, rounded to microseconds. */
export function timingsOf(
  { announcedAtMs, lastChunkAtMs }: Uploaded,
  { sessionMs, decodeMs, tailMs, encodeMs }: TailOutcome,
  { startedAtMs, doneAtMs }: { readonly startedAtMs: number; readonly doneAtMs: number },
): EdgeTimings {
  return {
    uploadMs: round(lastChunkAtMs - announcedAtMs),
    // Opening a session is a wait before the tail starts, like any other.
    queueMs: round(startedAtMs - lastChunkAtMs + sessionMs),
    decodeMs: round(decodeMs),
    tailMs: round(tailMs),
    encodeMs: round(encodeMs),
    totalMs: round(doneAtMs - lastChunkAtMs),
  };
}

function round(ms: number): number {
  return Math.round(Math.max(0, ms) * 1000) / 1000;
}
