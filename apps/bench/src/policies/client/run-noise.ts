import { Random } from '../random.js';

/** Scatter of single runs; after so many inferences it is used again. */
const DRAWS = 4_096;

/** By the number of the inference: whatever arm is chosen for it, its head and its tail scatter by the same factors. */
export class RunNoise {
  readonly #head = new Float64Array(DRAWS);
  readonly #tail = new Float64Array(DRAWS);

  constructor(deviations: { readonly head: number; readonly tail: number }, seed: number) {
    const random = new Random(seed);
    for (let index = 0; index < DRAWS; index++) {
      this.#head[index] = random.factor(deviations.head);
      this.#tail[index] = random.factor(deviations.tail);
    }
  }

  head(inference: number): number {
    return this.#head[inference % DRAWS] ?? 1;
  }

  tail(inference: number): number {
    return this.#tail[inference % DRAWS] ?? 1;
  }
}
