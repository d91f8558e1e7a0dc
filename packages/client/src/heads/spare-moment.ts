import type { Clock } from '../clock.js';
import type { Overlap } from '../overlap.js';

/** How often it is looked. Between two inferences of a loop there is no time to look. */
const LOOK_MS = 4;

/**
 * Resolves when no inference is under way, so that what follows is in the way of none; after `mostMs` all the same,
 * because a stream may leave no such moment.
 * @returns whether there was one
 */
export async function spareMoment(clock: Clock, inferences: Overlap, mostMs: number): Promise<boolean> {
  const endMs = clock.now() + mostMs;
  while (!inferences.isIdle) {
    if (clock.now() >= endMs) return false;
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
  return true;
}
