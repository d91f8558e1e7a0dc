import { quicker, type Timing } from './timing.js';

/** Steps back by less are within noise. */
export interface Tolerance {
  readonly share: number;
  readonly ms: number;
}

export const TOLERANCE: Tolerance = Object.freeze({ share: 0.03, ms: 0.3 });

/**
 * Which of some times that should grow do not: both of every pair in which the later is less than an earlier one by more
 * than the tolerance. Either can be the one that is wrong.
 *
 * @returns indexes, ascending
 */
export function stepsBack(times: readonly number[], { share, ms }: Tolerance = TOLERANCE): number[] {
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
 * @param timings should grow with their index
 * @param rounds at most that often
 */
export async function inOrder(
  timings: readonly Timing[],
  again: (index: number) => Promise<Timing>,
  rounds: number,
): Promise<readonly Timing[]> {
  const kept = [...timings];
  for (let round = 0; round < rounds; round++) {
    const wrong = stepsBack(kept.map(({ ms }) => ms));
    if (wrong.length === 0) break;
    for (const index of wrong) {
      const timing = kept[index];
      if (timing !== undefined) kept[index] = quicker(timing, await again(index));
    }
  }
  return kept;
}
