/** First retry after a quarter of a second, doubling to ten: a restarted edge is back in seconds, a dead one is left alone. */
export const FIRST_RETRY_MS = 250;
export const LONGEST_RETRY_MS = 10_000;

/**
 * ms to wait before attempt `attempt` (0 for the first retry). Half of it is random, so that the clients of one edge
 * do not all come back in the same moment.
 */
export function retryDelayMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 16));
  return fullMs / 2 + (fullMs / 2) * random();
}
