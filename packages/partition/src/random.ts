/**
 * One step of mulberry32 (T. Ettinger): a state of 32 bits and a number uniform in 0..1. Decisions carry the state with
 * them, so that a recorded one can be made again.
 */
export function nextRandom(state: number): { readonly state: number; readonly value: number } {
  const next = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
  return { state: next, value: ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 };
}
