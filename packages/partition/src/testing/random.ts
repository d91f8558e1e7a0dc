import { nextRandom } from '../random.js';

/** Uniform in 0..1, the same series for the same seed. For tests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    const next = nextRandom(state);
    state = next.state;
    return next.value;
  };
}
