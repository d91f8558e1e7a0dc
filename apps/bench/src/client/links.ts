import { BYTES_PER_MS_PER_MEGABIT } from '../live/experiment.js';
import type { LinkShape } from '../live/proxy/link-model.js';
import { round } from '../statistics.js';

/**
 * What one connection may have waiting at the bottleneck. Real routers have from a few to some hundred ms; the more it is,
 * the longer whatever shares the link with a download waits.
 */
const BUFFER_MS = 50;

/** A link that carries everything: pages, weights and inferences. */
export function linkOf(megabits: number, roundTripMs: number): LinkShape {
  return { bytesPerMs: megabits * BYTES_PER_MS_PER_MEGABIT, roundTripMs, bufferMs: BUFFER_MS };
}

export function linkInWords({ bytesPerMs, roundTripMs, bufferMs }: LinkShape): string {
  const buffer = bufferMs === undefined ? '' : `, ${bufferMs} ms of buffer`;
  return `${round(bytesPerMs / BYTES_PER_MS_PER_MEGABIT, 1)} Mbit/s, ${roundTripMs} ms round trip${buffer}`;
}
