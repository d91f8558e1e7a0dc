import type { Random } from '../random.js';

/** What background requests run: full-offload tails of all networks, each as often as the others. */
export interface ServiceMix {
  /** Idle run times, by network, in ms. */
  readonly tailsMs: readonly number[];
  /** Scatter of one run, as a share. */
  readonly noise: number;
}

export function meanServiceMs({ tailsMs }: ServiceMix): number {
  return tailsMs.reduce((sum, ms) => sum + ms, 0) / tailsMs.length;
}

/** A table of draws: arrivals pick from it in turn, so that two runs that send as many requests send the same ones. */
export interface ServiceDraws {
  readonly ms: Float64Array;
  readonly model: Uint8Array;
}

export function drawServices({ tailsMs, noise }: ServiceMix, count: number, random: Random): ServiceDraws {
  const ms = new Float64Array(count);
  const model = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const network = random.below(tailsMs.length);
    model[index] = network;
    ms[index] = (tailsMs[network] ?? 0) * random.factor(noise);
  }
  return { ms, model };
}
