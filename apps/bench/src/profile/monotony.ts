import { quicker, type Timing } from './timing.js';

/** Steps back by less are within noise. */
export interface Tolerance {
  readonly share: number;
  readonly ms: number;
}

const NOISE: Tolerance = Object.freeze({ share: 0.03, ms: 0.3 });

/**
 * Which of some times that should grow do not: both of every pair in which the later is less than the longest one before it
 * by more than the tolerance. Either can be the one that is wrong.
 *
 * @returns indexes, ascending
 */
export function stepsBack(times: readonly number[], { share, ms }: Tolerance = NOISE): number[] {
  const found = new Set<number>();
  let largest = 0;
  for (const [index, time] of times.entries()) {
    const before = times[largest] ?? 0;
    if (time >= before) largest = index;
    else if (before - time > share * before + ms) {
      found.add(largest);
      found.add(index);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/**
 * Times again what is out of order, and keeps the quicker of both: a busy machine makes times longer, never shorter.
 *
 * @param items whose times should grow in this order
 * @param timings of all of them; changed
 * @param rounds at most that often
 */
export async function inOrder<T>(
  items: readonly T[],
  timings: Map<T, Timing>,
  again: (item: T) => Promise<Timing>,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const wrong = stepsBack(items.map((item) => timings.get(item)?.ms ?? 0));
    if (wrong.length === 0) return;
    for (const index of wrong) {
      const item = items[index];
      const timing = item === undefined ? undefined : timings.get(item);
      if (item !== undefined && timing !== undefined) timings.set(item, quicker(timing, await again(item)));
    }
  }
}
