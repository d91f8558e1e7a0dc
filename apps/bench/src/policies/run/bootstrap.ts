import { quantile } from '../../statistics.js';
import { Random } from '../random.js';

/** A figure with the interval in which 95 % of its bootstrap resamples lie. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap over seeds (B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979): whole seeds are
 * drawn with replacement, and the figure is worked out of the drawn ones. What is compared within a seed stays paired.
 * @param figure of some seeds, by index
 */
export function bootstrap(
  seeds: number,
  resamples: number,
  randomSeed: number,
  figure: (drawn: readonly number[]) => number,
): Interval {
  const all = Array.from({ length: seeds }, (_, index) => index);
  const random = new Random(randomSeed);
  const figures = Array.from({ length: resamples }, () => figure(all.map(() => random.below(seeds))));
  return { value: figure(all), low: quantile(figures, 0.025), high: quantile(figures, 0.975) };
}
